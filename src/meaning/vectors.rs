//! Texts as a model of embeddings sees them.

use std::collections::HashMap;

/// The vectors of some texts. Without any, nothing is known of how alike texts are to a model.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Vectors(HashMap<String, Vec<f32>>);

impl Vectors {
    /// Each text with its vector, of any length.
    pub fn new(vectors: impl IntoIterator<Item = (String, Vec<f32>)>) -> Vectors {
        Vectors(vectors.into_iter().collect())
    }

    /// How alike two texts are, from -1 to 1: the cosine of their vectors. `None` where that is not known: a text has no
    /// vector, or the two are of different models.
    pub fn cosine(&self, a: &str, b: &str) -> Option<f64> {
        let (a, b) = (self.0.get(a)?, self.0.get(b)?);
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
        let lengths = (dot(a, a) * dot(b, b)).sqrt();
        (a.len() == b.len() && lengths > 0.0 && lengths.is_finite()).then(|| dot(a, b) / lengths)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_vectors_of_one_kind_are_compared() {
        let texts: [(&str, &[f32]); 5] =
            [("a", &[3.0, 0.0]), ("b", &[1.0, 1.0]), ("short", &[1.0]), ("nothing", &[0.0, 0.0]), ("none", &[])];
        let vectors = Vectors::new(texts.map(|(text, vector)| (text.to_owned(), vector.to_vec())));
        assert!((vectors.cosine("a", "b").unwrap() - 0.5_f64.sqrt()).abs() < 1e-6);
        for other in ["short", "nothing", "none", "not there"] {
            assert_eq!(vectors.cosine("a", other), None, "{other}");
        }
        assert_eq!(vectors.cosine("none", "none"), None);
    }
}

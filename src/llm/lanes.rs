//! How many requests are under way at a time: as many as allowed, half as many after the server asks to slow down, and one more
//! for every round that goes well.

use std::sync::Mutex;

use tokio::sync::Notify;

use super::lock;

/// Lets requests pass.
#[derive(Debug)]
pub(super) struct Lanes {
    most: f64,
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Debug)]
struct State {
    /// How many may be under way; its whole part counts.
    open: f64,
    taken: usize,
    /// How often it was halved: a refusal of what was sent before the last time says nothing new.
    halvings: u32,
}

/// A place among the requests under way, until it is dropped.
#[derive(Debug)]
pub(super) struct Lane<'a> {
    lanes: &'a Lanes,
    halvings: u32,
}

impl Lanes {
    /// At most so many requests at a time, and at least one.
    pub(super) fn new(most: usize) -> Lanes {
        let most = most.max(1) as f64;
        let state = Mutex::new(State { open: most, taken: 0, halvings: 0 });
        Lanes { most, state, freed: Notify::new() }
    }

    /// Waits for a place.
    pub(super) async fn enter(&self) -> Lane<'_> {
        loop {
            let freed = self.freed.notified();
            if let Some(lane) = self.try_enter() {
                return lane;
            }
            freed.await;
        }
    }

    fn try_enter(&self) -> Option<Lane<'_>> {
        let mut state = lock(&self.state);
        if state.taken as f64 >= state.open.floor() {
            return None;
        }
        state.taken += 1;
        Some(Lane { lanes: self, halvings: state.halvings })
    }
}

impl Lane<'_> {
    /// The server answered.
    pub(super) fn went_well(&self) {
        let mut state = lock(&self.lanes.state);
        state.open = (state.open + 1.0 / state.open).min(self.lanes.most);
        drop(state);
        self.lanes.freed.notify_one();
    }

    /// The server asked to slow down.
    pub(super) fn was_too_much(&self) {
        let mut state = lock(&self.lanes.state);
        if state.halvings == self.halvings {
            state.open = (state.open / 2.0).max(1.0);
            state.halvings += 1;
        }
    }
}

impl Drop for Lane<'_> {
    fn drop(&mut self) {
        lock(&self.lanes.state).taken -= 1;
        self.lanes.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many may pass now.
    fn open(lanes: &Lanes) -> usize {
        std::iter::from_fn(|| lanes.try_enter()).collect::<Vec<_>>().len()
    }

    #[test]
    fn a_refusal_halves_them_once_for_all_that_were_under_way() {
        let lanes = Lanes::new(8);
        let under_way: Vec<Lane> = std::iter::from_fn(|| lanes.try_enter()).collect();
        assert_eq!(under_way.len(), 8);
        under_way.iter().for_each(Lane::was_too_much);
        drop(under_way);
        assert_eq!(open(&lanes), 4);
        for expected in [2, 1, 1] {
            lanes.try_enter().unwrap().was_too_much();
            assert_eq!(open(&lanes), expected);
        }
    }

    #[test]
    fn a_round_that_goes_well_opens_one_more_up_to_the_most() {
        let lanes = Lanes::new(3);
        lanes.try_enter().unwrap().was_too_much();
        assert_eq!(open(&lanes), 1);
        lanes.try_enter().unwrap().went_well();
        assert_eq!(open(&lanes), 2);
        (0..20).for_each(|_| lanes.try_enter().unwrap().went_well());
        assert_eq!(open(&lanes), 3);
        assert_eq!(open(&Lanes::new(0)), 1);
    }

    #[tokio::test]
    async fn who_waits_gets_the_next_place() {
        let lanes = Lanes::new(1);
        let first = lanes.enter().await;
        let (mut second, mut third) = (Box::pin(lanes.enter()), Box::pin(lanes.enter()));
        assert!(futures_util::poll!(&mut second).is_pending() && futures_util::poll!(&mut third).is_pending());
        drop(first);
        drop(second.await);
        third.await;
    }
}

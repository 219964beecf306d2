//! Values in a provider's format: a prefix of its own, then characters of one class, so many of them.

use std::sync::LazyLock;

use regex::bytes::Regex;

use super::{Span, entropy, is_dummy, url};
use crate::checks::is_word;

/// How the values of one kind are written.
struct Format {
    prefix: &'static str,
    what: &'static str,
    class: fn(u8) -> bool,
    /// The number of characters behind the prefix, at least and at most.
    length: (usize, usize),
}

const fn format(prefix: &'static str, what: &'static str, class: fn(u8) -> bool, least: usize, most: usize) -> Format {
    Format { prefix, what, class, length: (least, most) }
}

const ANY: usize = 4096;
/// Bytes of a private key in base64, twice encoded.
const KEY: usize = 16 * 1024;
const MATERIAL: usize = 64;
const ENCODED_KEY: &str = "encoded private key";

/// Sources: the providers' documentation and the lists of secret scanners that GitHub and GitLab publish.
const FORMATS: &[Format] = &[
    format("AKIA", "AWS access key", upper, 16, 16),
    format("ASIA", "AWS access key", upper, 16, 16),
    format("ABIA", "AWS access key", upper, 16, 16),
    format("ABSK", "Amazon Bedrock API key", base64, 100, 300),
    format("amzn.mws.", "Amazon MWS token", dashed, 36, 36),
    format("ghp_", "GitHub token", alnum, 36, 255),
    format("gho_", "GitHub token", alnum, 36, 255),
    format("ghu_", "GitHub token", alnum, 36, 255),
    format("ghs_", "GitHub token", alnum, 36, 255),
    format("ghr_", "GitHub token", alnum, 36, 255),
    format("github_pat_", "GitHub token", word, 60, 255),
    format("glpat-", "GitLab token", dotted, 20, 300),
    format("gldt-", "GitLab deploy token", dashed, 20, 255),
    format("glrt-", "GitLab runner token", dotted, 20, 255),
    format("glptt-", "GitLab trigger token", dashed, 20, 255),
    format("gloas-", "GitLab OAuth secret", dashed, 20, 255),
    format("glcbt-", "GitLab job token", dashed, 20, 255),
    format("glft-", "GitLab feed token", dashed, 20, 255),
    format("glimt-", "GitLab incoming mail token", dashed, 20, 255),
    format("glagent-", "GitLab agent token", dashed, 40, 255),
    format("glsoat-", "GitLab SCIM token", dashed, 20, 255),
    format("glffct-", "GitLab feature flag token", dashed, 20, 255),
    format("GR1348941", "GitLab runner token", dashed, 20, 20),
    format("sk-", "OpenAI API key", alnum, 32, 128),
    format("sk-proj-", "OpenAI API key", dashed, 32, 300),
    format("sk-svcacct-", "OpenAI API key", dashed, 32, 300),
    format("sk-admin-", "OpenAI API key", dashed, 32, 300),
    format("sk-ant-", "Anthropic API key", dashed, 32, 300),
    format("sk-or-v1-", "OpenRouter API key", hex, 64, 64),
    format("gsk_", "Groq API key", alnum, 40, 80),
    format("xai-", "xAI API key", alnum, 60, 100),
    format("pplx-", "Perplexity API key", alnum, 40, 80),
    format("r8_", "Replicate token", alnum, 37, 40),
    format("hf_", "Hugging Face token", alnum, 30, 60),
    format("fw_", "Fireworks API key", alnum, 24, 24),
    format("pcsk_", "Pinecone API key", word, 50, 90),
    format("lsv2_pt_", "LangSmith API key", word, 40, 60),
    format("nvapi-", "NVIDIA API key", dashed, 60, 90),
    format("tgp_v1_", "Together API key", dashed, 40, 60),
    format("xoxa-", "Slack token", dashed, 20, 255),
    format("xoxb-", "Slack token", dashed, 20, 255),
    format("xoxe-", "Slack token", dashed, 20, 255),
    format("xoxp-", "Slack token", dashed, 20, 255),
    format("xoxr-", "Slack token", dashed, 20, 255),
    format("xoxs-", "Slack token", dashed, 20, 255),
    format("xapp-", "Slack app token", dashed, 30, 255),
    format("hooks.slack.com/services/", "Slack webhook", path, 35, 80),
    format("discord.com/api/webhooks/", "Discord webhook", path, 60, 120),
    format("discordapp.com/api/webhooks/", "Discord webhook", path, 60, 120),
    format("webhook.office.com/webhookb2/", "Teams webhook", address, 100, 300),
    format("sk_live_", "Stripe secret key", alnum, 20, 255),
    format("rk_live_", "Stripe restricted key", alnum, 20, 255),
    format("whsec_", "webhook signing secret", base64, 32, 100),
    format("AIza", "Google API key", dashed, 35, 35),
    format("GOCSPX-", "Google OAuth secret", dashed, 28, 28),
    format("ya29.", "Google OAuth token", dashed, 60, ANY),
    format("1//0", "Google refresh token", dashed, 50, 150),
    format("npm_", "npm token", alnum, 36, 36),
    format("pypi-AgE", "PyPI token", dashed, 50, 500),
    format("rubygems_", "RubyGems key", hex, 48, 48),
    format("dckr_pat_", "Docker Hub token", dashed, 27, 36),
    format("dckr_oat_", "Docker Hub token", dashed, 27, 36),
    format("cio", "crates.io token", alnum, 32, 32),
    format("oy2", "NuGet API key", alnum, 43, 43),
    format("AKCp", "Artifactory API key", alnum, 60, 80),
    format("CLOJARS_", "Clojars token", hex, 60, 60),
    format("SK", "Twilio API key", lower_hex, 32, 32),
    format("SG.", "SendGrid API key", dotted, 60, 70),
    format("xkeysib-", "Brevo API key", dashed, 80, 90),
    format("re_", "Resend API key", word, 33, 33),
    format("key-", "Mailgun API key", lower_hex, 32, 32),
    format("AccountKey=", "Azure storage key", base64, 64, 100),
    format("SharedAccessKey=", "Azure shared access key", base64, 40, 60),
    format("&sig=", "Azure access signature", escaped, 43, 64),
    format("?sig=", "Azure access signature", escaped, 43, 64),
    format("dop_v1_", "DigitalOcean token", hex, 64, 64),
    format("doo_v1_", "DigitalOcean token", hex, 64, 64),
    format("dor_v1_", "DigitalOcean token", hex, 64, 64),
    format("shpat_", "Shopify token", hex, 32, 32),
    format("shpca_", "Shopify token", hex, 32, 32),
    format("shppa_", "Shopify token", hex, 32, 32),
    format("shpss_", "Shopify shared secret", hex, 32, 32),
    format("dapi", "Databricks token", lower_hex, 32, 32),
    format("hvs.", "Vault token", dashed, 24, 300),
    format("hvb.", "Vault token", dashed, 24, 300),
    format("AGE-SECRET-KEY-1", "age secret key", upper, 58, 58),
    format("lin_api_", "Linear API key", alnum, 32, 64),
    format("HRKU-", "Heroku API key", dashed, 36, 80),
    format("NRAK-", "New Relic API key", upper, 27, 27),
    format("glsa_", "Grafana token", word, 41, 50),
    format("glc_", "Grafana Cloud token", base64, 60, 300),
    format("sntrys_", "Sentry token", base64_url, 60, 500),
    format("sntryu_", "Sentry token", hex, 64, 64),
    format("PMAK-", "Postman API key", dashed, 50, 70),
    format("pul-", "Pulumi token", lower_hex, 40, 40),
    format("ATATT3", "Atlassian token", base64_url, 100, 300),
    format("ATBB", "Bitbucket app password", alnum, 32, 32),
    format("sbp_", "Supabase token", hex, 40, 40),
    format("ntn_", "Notion token", alnum, 40, 60),
    format("figd_", "Figma token", dashed, 36, 60),
    format("nfp_", "Netlify token", alnum, 36, 40),
    format("dp.pt.", "Doppler token", alnum, 40, 50),
    format("pscale_tkn_", "PlanetScale token", dashed, 32, 64),
    format("pscale_pw_", "PlanetScale password", dashed, 32, 64),
    format("sq0csp-", "Square OAuth secret", dashed, 40, 50),
    format("sq0atp-", "Square access token", dashed, 22, 22),
    format("access_token$production$", "PayPal access token", dollar, 49, 49),
    format("tskey-", "Tailscale key", dashed, 30, 100),
    format("bkua_", "Buildkite token", hex, 40, 40),
    format("CCIPAT_", "CircleCI token", word, 55, 80),
    format("fm2_", "Fly.io token", base64, 60, ANY),
    format("sb_secret_", "Supabase secret key", dashed, 30, 45),
    format("dt0c01.", "Dynatrace token", dotted, 89, 89),
    format("CFPAT-", "Contentful token", dashed, 43, 43),
    format("LTAI", "Alibaba Cloud access key", alnum, 16, 24),
    format("ops_eyJ", "1Password service account token", base64_url, 80, ANY),
    format("squ_", "SonarQube token", hex, 40, 40),
    format("sqp_", "SonarQube token", hex, 40, 40),
    format("sqa_", "SonarQube token", hex, 40, 40),
    format("phx_", "PostHog API key", alnum, 40, 50),
    format("tfp_", "Typeform token", dashed, 44, 60),
    format("rdme_", "ReadMe API key", alnum, 70, 80),
    format("pnu_", "Prefect API key", alnum, 36, 36),
    // `-----BEGIN PRIVATE`, with RSA, EC, OPENSSH and ENCRYPTED before the last word, in base64
    format("LS0tLS1CRUdJTiBQUklWQVRF", ENCODED_KEY, base64, MATERIAL, KEY),
    format("LS0tLS1CRUdJTiBSU0EgUFJJVkFUR", ENCODED_KEY, base64, MATERIAL, KEY),
    format("LS0tLS1CRUdJTiBFQyBQUklWQVRF", ENCODED_KEY, base64, MATERIAL, KEY),
    format("LS0tLS1CRUdJTiBPUEVOU1NIIFBSSVZBVE", ENCODED_KEY, base64, MATERIAL, KEY),
    format("LS0tLS1CRUdJTiBFTkNSWVBURUQgUFJJVkFUR", ENCODED_KEY, base64, MATERIAL, KEY),
];

fn alnum(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}
fn upper(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit()
}
fn hex(byte: u8) -> bool {
    byte.is_ascii_hexdigit()
}
fn lower_hex(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'a'..=b'f')
}
fn word(byte: u8) -> bool {
    is_word(byte)
}
fn dashed(byte: u8) -> bool {
    is_word(byte) || byte == b'-'
}
fn dotted(byte: u8) -> bool {
    dashed(byte) || byte == b'.'
}
fn path(byte: u8) -> bool {
    dashed(byte) || byte == b'/'
}
fn base64(byte: u8) -> bool {
    alnum(byte) || matches!(byte, b'+' | b'/' | b'=')
}
/// Base64 in a URL, where `+`, `/` and `=` are escaped.
fn escaped(byte: u8) -> bool {
    base64(byte) || byte == b'%'
}
fn dollar(byte: u8) -> bool {
    alnum(byte) || byte == b'$'
}
fn address(byte: u8) -> bool {
    path(byte) || byte == b'@'
}
fn base64_url(byte: u8) -> bool {
    dashed(byte) || matches!(byte, b'+' | b'/' | b'=')
}

const URL: &[u8] = b"://";
const TELEGRAM: &[u8] = b":AA";
const JWT: &[u8] = b"eyJ";
const TCP: &[u8] = b"@tcp(";
const UNIX: &[u8] = b"@unix(";
const ORACLE: &[u8] = b"jdbc:oracle:thin:";

/// All prefixes in one pass; the longer of two that start alike comes first. They are plain text, so this is one
/// automaton without backtracking.
static PREFIXES: LazyLock<Regex> = LazyLock::new(|| {
    let mut prefixes: Vec<&str> = FORMATS.iter().map(|format| format.prefix).collect();
    prefixes.extend(["://", ":AA", "eyJ", "@tcp(", "@unix(", "jdbc:oracle:thin:"]);
    prefixes.sort_by_key(|prefix| std::cmp::Reverse(prefix.len()));
    let pattern = prefixes.into_iter().map(regex::escape).collect::<Vec<_>>().join("|");
    Regex::new(&format!("(?-u){pattern}")).expect("the prefixes are constants, and a test compiles them")
});

/// Adds the values in a known format, and the passwords in URLs.
pub(super) fn find(line: &[u8], spans: &mut Vec<Span>) {
    let mut at = 0;
    while let Some(prefix) = PREFIXES.find_at(line, at) {
        let start = prefix.start();
        let span = match prefix.as_bytes() {
            URL => url::password(line, start),
            TELEGRAM => telegram(line, start),
            JWT => jwt(line, start),
            TCP | UNIX => url::data_source(line, start),
            ORACLE => url::oracle(line, prefix.end()),
            _ => FORMATS.iter().find_map(|format| format.at(line, start)),
        };
        // A password in a URL ends behind other prefixes that may stand in it; all else ends with its own text.
        at = prefix.end();
        let Some(span) = span else { continue };
        if prefix.as_bytes() != URL {
            at = at.max(span.range.end);
        }
        if span.what == "AWS access key" {
            spans.extend(aws_secrets(line, &span));
        }
        spans.push(span);
    }
}

impl Format {
    /// The value of this format that starts at `start`, if one does.
    fn at(&self, line: &[u8], start: usize) -> Option<Span> {
        let rest = line.get(start..)?.strip_prefix(self.prefix.as_bytes())?;
        let goes_on = |before: usize| is_word(line[before]) && is_word(line[start]);
        if start.checked_sub(1).is_some_and(goes_on) {
            return None;
        }
        let (least, most) = self.length;
        let body = rest.iter().take(most + 1).take_while(|&&byte| (self.class)(byte)).count();
        let body = rest.get(..body)?;
        // A dot at the end is the sentence's.
        let body = body.strip_suffix(b".").unwrap_or(body);
        let follows_word = rest.get(body.len()).is_some_and(|&byte| is_word(byte));
        if !(least..=most).contains(&body.len()) || follows_word || is_dummy(body) {
            return None;
        }
        let end = start + self.prefix.len() + body.len();
        Some(Span { range: start..end, public: self.prefix.len(), what: self.what })
    }
}

/// `header.payload.signature`, where header and payload are JSON objects.
fn jwt(line: &[u8], start: usize) -> Option<Span> {
    if start.checked_sub(1).is_some_and(|before| dashed(line[before])) {
        return None;
    }
    let body = line[start..].iter().take(ANY).take_while(|&&byte| dotted(byte)).count();
    let mut parts = line[start..start + body].split(|&byte| byte == b'.');
    let (header, payload, signature) = (parts.next()?, parts.next()?, parts.next()?);
    if header.len() < 10
        || payload.len() < 10
        || !payload.starts_with(JWT)
        || signature.len() < 20
        || is_dummy(signature)
    {
        return None;
    }
    let end = start + header.len() + payload.len() + signature.len() + 2;
    Some(Span { range: start..end, public: JWT.len(), what: "JSON Web Token" })
}

/// `123456789:AA…`: the number of the bot, a colon, 35 characters.
fn telegram(line: &[u8], colon: usize) -> Option<Span> {
    let digits = line[..colon].iter().rev().take(11).take_while(|byte| byte.is_ascii_digit()).count();
    let body = line[colon + 1..].iter().take(36).take_while(|&&byte| dashed(byte)).count();
    let value = line.get(colon + 1..colon + 1 + body)?;
    if !(8..=10).contains(&digits) || body != 35 || is_dummy(value) {
        return None;
    }
    Some(Span { range: colon - digits..colon + 1 + body, public: 0, what: "Telegram bot token" })
}

/// The secret that belongs to an access key id has no prefix, but 40 characters, and often stands next to it.
fn aws_secrets(line: &[u8], id: &Span) -> Vec<Span> {
    const NEAR: usize = 200;
    let from = id.range.start.saturating_sub(NEAR);
    let near = &line[from..line.len().min(id.range.end + NEAR)];
    let mut spans = Vec::new();
    let mut at = 0;
    for run in near.split(|&byte| !(base64(byte) && byte != b'=')) {
        // 40 random characters out of 64 have 4.7 bits on average; hashes in hex stay below 4.
        if run.len() == 40 && entropy(run) > 4.2 && !is_dummy(run) {
            spans.push(Span { range: from + at..from + at + 40, public: 0, what: "AWS secret access key" });
        }
        at += run.len() + 1;
    }
    spans
}

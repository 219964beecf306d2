//! A review by a real, small model, where `PRUDENCE_TEST_MODEL_SERVER` says how to reach one: the base URL of a running
//! server, or a program that serves on the port it is given. What the model says of the code is not looked at.

use std::io::Write as _;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::client;
use crate::support::program::Prudence;

/// A server that was there, or one that is ended with the test.
struct ModelServer {
    base_url: String,
    child: Option<Child>,
}

impl ModelServer {
    fn from_env() -> Option<ModelServer> {
        let named = std::env::var("PRUDENCE_TEST_MODEL_SERVER").ok()?;
        if named.starts_with("http://") {
            return Some(ModelServer { base_url: named, child: None });
        }
        let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port").port();
        let mut command = Command::new(&named);
        let child = command.arg(port.to_string()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let server =
            ModelServer { base_url: format!("http://127.0.0.1:{port}/v1"), child: Some(child.expect("a server")) };
        server.wait(&format!("http://127.0.0.1:{port}/health"));
        Some(server)
    }

    /// Waits until the model is loaded.
    fn wait(&self, url: &str) {
        let end = Instant::now() + Duration::from_secs(60);
        while !client::send("GET", url, &[], &serde_json::Value::Null).is_ok_and(|answer| answer.status == 200) {
            assert!(Instant::now() < end, "the model server is not ready after a minute");
            thread::sleep(Duration::from_millis(200));
        }
    }
}

impl Drop for ModelServer {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Small, so that even a server that has to be asked about each line is done soon.
const PATCH: &str = "\
diff --git a/src/mean.py b/src/mean.py
--- a/src/mean.py
+++ b/src/mean.py
@@ -1,3 +1,3 @@
 def mean(values):
     total = sum(values)
-    return total / len(values) if values else 0
+    return total / len(values)
";

#[test]
fn a_real_server_understands_the_requests_and_is_understood() {
    let Some(server) = ModelServer::from_env() else {
        // not `eprintln!`, which the test runner captures
        let notice = "notice: skipped, since PRUDENCE_TEST_MODEL_SERVER names no model server";
        let _ = writeln!(std::io::stderr(), "{notice}");
        return;
    };
    let args = [
        "review",
        "--effort",
        "low",
        "--patch",
        "-",
        "--format",
        "json",
        "--chunk-tokens",
        "2000",
        "--deadline",
        "240",
    ];
    let program = Prudence::new().args(args).args(["--model", "smollm2", "--base-url", &server.base_url]);
    let run = program.env("PRUDENCE_MAX_OUTPUT_TOKENS", 300).stdin(PATCH).limit(Duration::from_secs(300)).run();
    assert!(matches!(run.code, Some(0 | 3)), "{run}");
    let report = run.json();
    let number = |pointer: &str| report.pointer(pointer).and_then(serde_json::Value::as_u64).expect("a number");
    let failed = report["coverage"]["failed"].as_array().expect("a list");
    let lines_failed: u64 = failed.iter().map(|lines| lines["changed_lines"].as_u64().expect("a number")).sum();
    assert_eq!(number("/coverage/changed_lines"), 2);
    assert_eq!(number("/coverage/changed_lines_reviewed") + lines_failed, 2, "{run}");
    assert_eq!(run.code == Some(0), lines_failed == 0, "{run}");
    assert!(
        number("/usage/requests") >= 1 && number("/usage/input_tokens") > 0 && number("/usage/output_tokens") > 0,
        "{run}"
    );
    assert!(report["cost"]["usd"].is_null(), "{run}");
    // it has another tokenizer than we count with, so that the two counts agree only roughly
    let counted = number("/chunks/0/input_tokens") * number("/usage/requests");
    assert!(number("/usage/input_tokens") < 3 * counted, "{run}");
}

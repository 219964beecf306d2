"""Stand-ins of GitHub and of a model server on 127.0.0.1, for `measure` and `picture`. They answer at once, with what was
given to them beforehand, and judge nothing: the doubles of the tests do that.

Python's standard library alone.
"""

import json
import os
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

REPOSITORY = "acme/shop"
NUMBER = 7


class Repository:
    """A git repository in a folder, made by the caller."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *args: str, stdin: bytes | None = None) -> str:
        identity = ["-c", "user.name=Stand-in", "-c", "user.email=stand-in@example.com", "-c", "commit.gpgsign=false"]
        command = ["git", *identity, *args]
        return subprocess.run(command, cwd=self.folder, input=stdin, check=True, stdout=subprocess.PIPE).stdout.decode()

    def commit(self, files: dict[str, str], message: str) -> str:
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD").strip()


class Services:
    """Both services on one port. `findings` are what the model says of a prompt that holds their quote, `seconds` what an
    answer of the host and one of the model take."""

    def __init__(
        self, findings: list[dict], diff: str = "", base: str = "", head: str = "", title: str = "", seconds=(0.0, 0.0)
    ):
        self.host_seconds, self.model_seconds = seconds
        self.findings, self.diff, self.title = findings, diff, title
        self.base, self.head = base, head
        self.requests: list[str] = []
        self.review_comments: list[dict] = []
        self.comments: list[dict] = []
        self.prompts: list[str] = []
        handler = type("Handler", (_Handler,), {"services": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def github_requests(self) -> int:
        return sum(not request.startswith("POST /v1/") for request in self.requests)

    def answer(self, method: str, path: str, accept: str, body: dict) -> tuple[int, str, object]:
        """Status, kind of content, and the content."""
        self.requests.append(f"{method} {path}")
        path = path.partition("?")[0]
        seconds = self.model_seconds if path.startswith("/v1/") else self.host_seconds
        time.sleep(seconds)
        pull, issue = f"/repos/{REPOSITORY}/pulls/{NUMBER}", f"/repos/{REPOSITORY}/issues/{NUMBER}"
        match method, path:
            case "POST", "/v1/chat/completions":
                return 200, "json", self.completion(body)
            case "POST", "/graphql":
                return 200, "json", self.graph()
            case "GET", p if p == pull and "diff" in accept:
                return 200, "text", self.diff
            case "GET", p if p == pull:
                return 200, "json", self.pull()
            case "GET", p if p == f"{pull}/comments":
                return 200, "json", self.review_comments
            case "GET", p if p == f"{issue}/comments":
                return 200, "json", self.comments
            case "POST", p if p == f"{pull}/reviews":
                self.review_comments += [self.signed(comment) for comment in body["comments"]]
                return 200, "json", {"id": 1, "state": "COMMENTED"}
            case "POST", p if p == f"{issue}/comments":
                self.comments.append(self.signed(body))
                return 201, "json", self.comments[-1]
            case "PATCH", p if p.startswith(f"/repos/{REPOSITORY}/issues/comments/"):
                self.comments[0].update(body)
                return 200, "json", self.comments[0]
        return 404, "json", {"message": "Not Found"}

    def signed(self, comment: dict) -> dict:
        user = {"login": "github-actions[bot]", "type": "Bot"}
        number = len(self.comments) + len(self.review_comments) + 1
        return {**comment, "id": number, "user": user, "html_url": f"{self.url}/{REPOSITORY}/pull/{NUMBER}#{number}"}

    def pull(self) -> dict:
        repository = {"full_name": REPOSITORY}
        return {
            "number": NUMBER,
            "title": self.title,
            "body": "",
            "html_url": f"{self.url}/{REPOSITORY}/pull/{NUMBER}",
            "draft": False,
            "labels": [],
            "user": {"login": "dev", "type": "User"},
            "base": {"sha": self.base, "repo": repository},
            "head": {"sha": self.head, "repo": repository},
            "changed_files": self.diff.count("\ndiff --git ") + self.diff.startswith("diff --git "),
        }

    def graph(self) -> dict:
        """All that is asked of GraphQL: the request, its threads and its comments."""
        end = {"hasNextPage": False, "endCursor": None}
        author = {"__typename": "Bot", "login": "github-actions"}
        note = lambda c: {"fullDatabaseId": str(c["id"]), "body": c["body"], "url": c["html_url"], "viewerDidAuthor": True, "author": author}
        thread = lambda c: {
            "id": f"T{c['id']}", "isResolved": False, "resolvedBy": None, "path": c["path"], "diffSide": c["side"],
            "line": c["line"], "startLine": c.get("start_line"), "originalLine": c["line"], "originalStartLine": c.get("start_line"),
            "comments": {"totalCount": 1, "nodes": [note(c)]},
        }  # fmt: skip
        pull = {
            "state": "OPEN", "title": self.title, "body": "", "url": f"{self.url}/{REPOSITORY}/pull/{NUMBER}",
            "isDraft": False, "isCrossRepository": False, "baseRefOid": self.base, "headRefOid": self.head,
            "author": {"__typename": "User", "login": "dev"}, "labels": {"nodes": []}, "reviews": {"nodes": []},
            "comments": {"pageInfo": end, "nodes": [note(c) for c in self.comments]},
            "reviewThreads": {"pageInfo": end, "nodes": [thread(c) for c in self.review_comments]},
        }  # fmt: skip
        return {"data": {"viewer": {"login": "github-actions[bot]"}, "repository": {"pullRequest": pull}}}

    def completion(self, body: dict) -> dict:
        prompt = "\n".join(message["content"] for message in body["messages"])
        is_shown = lambda finding: all(line.strip() in prompt for line in finding["quote"].splitlines())
        findings = [finding for finding in self.findings if is_shown(finding)]
        text = json.dumps({"analysis": "A canned answer.", "findings": findings, "summary": ""})
        usage = {"prompt_tokens": len(prompt) // 4, "completion_tokens": len(text) // 4}
        usage["total_tokens"] = sum(usage.values())
        usage["prompt_tokens_details"] = {"cached_tokens": self.cached(prompt)}
        message = {"role": "assistant", "content": text, "refusal": None}
        choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
        return {"id": "c", "object": "chat.completion", "created": 0, "model": body["model"], "choices": [choice], "usage": usage}


    def cached(self, prompt: str) -> int:
        """Tokens of the longest beginning that an answered prompt had, as a provider's cache counts them: from 1,024 on, in
        steps of 128. A token is four characters here."""
        shared = max((len(os.path.commonprefix([prompt, known])) // 4 for known in self.prompts), default=0)
        self.prompts.append(prompt)
        return shared // 128 * 128 if shared >= 1024 else 0


def finding(path: str, quote: str, severity: str, category: str, title: str, body: str, suggestion: str | None = None) -> dict:
    """A finding in the form that is asked of the model. The quote decides where it stands, so that the lines are 1."""
    place = {"path": path, "quote": quote, "line": 1, "end_line": 1, "side": "RIGHT", "reasoning": body}
    return {**place, "category": category, "severity": severity, "confidence": 90, "title": title, "body": body, "suggestion": suggestion}


class _Handler(BaseHTTPRequestHandler):
    services: Services
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 20  # an answer leaves in one piece

    def respond(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}")
        status, kind, content = self.services.answer(self.command, self.path, self.headers.get("accept", ""), body)
        data = json.dumps(content).encode() if kind == "json" else content.encode()
        self.send_response(status)
        self.send_header("content-type", "application/json; charset=utf-8" if kind == "json" else "text/plain; charset=utf-8")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PATCH = respond

    def log_message(self, *_: object) -> None:
        """Nothing: the caller prints what matters."""

"""Prints as JSON what a real client of GitLab sees of a merge request."""
import json
import os

import gitlab


def note_of(note, awards):
    author = note["author"]["username"]
    resolved_by = (note.get("resolved_by") or {}).get("username")
    return {
        "id": note["id"], "author": author, "type": note["type"], "body": note["body"], "system": note["system"],
        "position": note.get("position"), "resolvable": note["resolvable"], "resolved": note.get("resolved"),
        "resolved_by": resolved_by, "awards": awards.get(note["id"], []),
    }


client = gitlab.Gitlab(os.environ["URL"], private_token=os.environ["TOKEN"], timeout=20)
project = client.projects.get(os.environ["PROJECT"])
merge = project.mergerequests.get(int(os.environ["NUMBER"]))
notes = merge.notes.list(get_all=True, per_page=100, sort="asc", order_by="created_at")
awards = {note.id: [award.name for award in note.awardemojis.list(get_all=True)] for note in notes}
versions = []
for listed in merge.diffs.list(get_all=True):
    version = merge.diffs.get(listed.id)
    refs = [version.base_commit_sha, version.start_commit_sha, version.head_commit_sha]
    versions.append({"id": version.id, "refs": refs, "files": [file["new_path"] for file in version.diffs]})
print(json.dumps({
    "title": merge.title,
    "state": merge.state,
    "diff_refs": merge.diff_refs,
    "versions": versions,
    "discussions": [
        {
            "id": discussion.id,
            "individual": discussion.attributes["individual_note"],
            "notes": [note_of(note, awards) for note in discussion.attributes["notes"]],
        }
        for discussion in merge.discussions.list(get_all=True, per_page=100)
    ],
    "notes": [note_of(note.attributes, awards) for note in notes],
    "drafts": [
        {"id": draft.id, "note": draft.note, "line_code": draft.line_code, "position": draft.position}
        for draft in merge.draft_notes.list(get_all=True)
    ],
}))

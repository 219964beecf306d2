"""Writes on a merge request as a real client of GitLab does, and prints as JSON what it was told of a bad line."""
import json
import os

import gitlab

client = gitlab.Gitlab(os.environ["URL"], private_token=os.environ["TOKEN"], timeout=20)
client.auth()
project = client.projects.get(os.environ["PROJECT"], lazy=True)
merge = project.mergerequests.get(int(os.environ["NUMBER"]))
position = {**merge.diff_refs, "position_type": "text", "old_path": "src/a.rs", "new_path": "src/a.rs"}

thread = merge.discussions.create({"body": "On a line.", "position": {**position, "new_line": 3}})
thread.notes.create({"body": "And an answer."})
thread.resolved = True
thread.save()
try:
    merge.discussions.create({"body": "On no line.", "position": {**position, "new_line": 99}})
    refused = None
except gitlab.exceptions.GitlabCreateError as error:
    refused = {"code": error.response_code, "message": error.error_message}
merge.draft_notes.create({"note": "A draft on a removed line.", "position": {**position, "old_line": 3}})
merge.draft_notes.create({"note": "Taken back."}).delete()
merge.draft_notes.bulk_publish()
merge.draft_notes.create({"note": "Left behind."})
note = merge.notes.create({"body": "Of all."})
note.body = "Of all, again."
note.save()
note.awardemojis.create({"name": "eyes"})
print(json.dumps({"user": client.user.username, "thread": thread.id, "refused": refused}))

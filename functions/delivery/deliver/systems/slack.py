"""Slack's incoming webhooks: a message in one channel, whose address is the secret.

Answers: 200 with the text `ok`; 400, 403, 404 and 410 are final
(https://api.slack.com/changelog/2016-05-17-changes-to-errors-for-incoming-webhooks); 429 has Retry-After
(https://docs.slack.dev/apis/web-api/rate-limits). A text of a section has at most 3 000 characters, a
header's 150 (https://docs.slack.dev/reference/block-kit/blocks/). A message twice is there twice.
"""

from __future__ import annotations

import json
from typing import Any

from ona.outbox.items import AlertItem
from ona.runtime import http
from ona.runtime.http import Busy, Refused
from ona.runtime.words import shortened

LONGEST_HEADER, LONGEST_SECTION = 150, 3000
_FINAL = (400, 403, 404, 410)


def escaped(text: str) -> str:
    """A text whose characters mean nothing to Slack
    (https://docs.slack.dev/messaging/formatting-message-text, "Escaping text").

    >>> escaped("<!channel> & co")
    '&lt;!channel&gt; &amp; co'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def body(item: AlertItem) -> dict[str, Any]:
    """The message: a heading and a text, and both as one line for notifications."""
    return {
        "text": escaped(shortened(f"{item.subject}: {item.text.splitlines()[0]}", LONGEST_SECTION // 2)),
        "blocks": [
            {
                "type": "header",
                "text": {"type": "plain_text", "text": shortened(item.subject, LONGEST_HEADER)},
            },
            {
                "type": "section",
                "text": {"type": "mrkdwn", "text": escaped(shortened(item.text, LONGEST_SECTION // 2))},
            },
        ],
    }


def send(item: AlertItem, url: str) -> None:
    """Post the message. Raises Busy, Refused; `Busy.unsure` where it may be there already."""
    what = f"slack {item.recipient_name}"
    headers = {"Content-Type": "application/json"}
    answer = http.send("POST", url, body=json.dumps(body(item)).encode(), headers=headers)
    if answer.status in _FINAL:
        raise Refused(f"{what}: HTTP {answer.status}: {answer.reason}", answer.status)
    http.check(answer, what)
    if answer.body.strip() != b"ok":
        raise Busy(f"{what}: the answer is not ok, but a gateway's page most likely", unsure=True)

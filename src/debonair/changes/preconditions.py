"""Preconditions of a write (RFC 9110, 13; RFC 6585, 3): If-Match and If-None-Match.

They are compared in the transaction of the write, after the row is locked.
"""

from __future__ import annotations

from collections.abc import Callable

from flask import request
from werkzeug.exceptions import PreconditionFailed, PreconditionRequired

from debonair.descriptions.description import Resource


def check(resource: Resource, etag: Callable[[], str]) -> None:
    """Compare the preconditions of the request with a row that exists.

    :param etag: returns the entity tag that GET of the same URL would have.
    :raises PreconditionFailed: when one does not hold.
    :raises PreconditionRequired: when the resource requires If-Match, and it is missing.
    """
    if "HTTP_IF_MATCH" in request.environ:
        if not request.if_match.star_tag and not request.if_match.contains(etag().strip('"')):
            raise PreconditionFailed("The row is not the one that If-Match names: read it again.")
    elif resource.options.require_if_match:
        raise PreconditionRequired("Send If-Match with the ETag of the row.")
    if "HTTP_IF_NONE_MATCH" in request.environ:
        given = request.if_none_match
        if given.star_tag or given.contains_weak(etag().strip('"')):
            raise PreconditionFailed("The row that If-None-Match excludes exists.")


def check_member(is_member: bool) -> None:
    """Compare the preconditions with a membership, which has no entity tag.

    :raises PreconditionFailed: for If-Match that is not ``*``, and for one that does not hold.
    """
    if "HTTP_IF_MATCH" in request.environ and not (is_member and request.if_match.star_tag):
        raise PreconditionFailed("A membership has no entity tag: If-Match can only be *, for a member.")
    if "HTTP_IF_NONE_MATCH" in request.environ and is_member and request.if_none_match.star_tag:
        raise PreconditionFailed("The row is a member already.")


def check_absent() -> None:
    """Compare the preconditions with a row that does not exist. :raises PreconditionFailed: for If-Match."""
    if "HTTP_IF_MATCH" in request.environ:
        raise PreconditionFailed("The row that If-Match names does not exist.")

{% if cookiecutter.sample == "yes" -%}
"""The data: when which user checked in."""

from __future__ import annotations

from datetime import UTC, date, datetime

from debonair import db, reading
from sqlalchemy import DateTime, Index, String, delete, func, select
from sqlalchemy.orm import Mapped, mapped_column


class CheckIn(db.Model):
    """One visit of a user."""

    __tablename__ = "check_in"
    __table_args__ = (Index("ix_check_in_user_at", "user", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user: Mapped[str] = mapped_column(String(200))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


def record(user: str) -> None:
    """Record now as the last visit of the user."""
    db.session.add(CheckIn(user=user, at=datetime.now(UTC)))
    db.session.commit()


def last_seen(user: str) -> date | None:
    """Return the day of the user's last visit, in UTC, or None when there was none."""
    with reading() as connection:
        newest = connection.scalar(select(func.max(CheckIn.at)).where(CheckIn.user == user))
    return newest.date() if newest else None


def forget(user: str) -> int:
    """Delete the visits of the user and return how many there were."""
    result = db.session.execute(delete(CheckIn).where(CheckIn.user == user))
    db.session.commit()
    return result.rowcount
{%- else -%}
"""The tables and their queries."""
{%- endif %}

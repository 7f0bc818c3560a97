"""A half year of requests with their whole life: received, dispatched, answered, called back."""

import random
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.utils import timezone

from yiwang.city.hotline.demo import texts
from yiwang.city.hotline.models import Request, TriageModel
from yiwang.city.hotline.services import handling, triage
from yiwang.city.hotline.services.intake import Intake
from yiwang.city.hotline.terms import Channel, Kind
from yiwang.kernel.access.actors import Actor
from yiwang.kernel.flow import services as flow
from yiwang.kernel.people.models import Person
from yiwang.kernel.people.queries import actor_of_person

SHANGHAI = ZoneInfo("Asia/Shanghai")
REQUESTS, FRESH, DAYS, SEED = 150, 12, 170, 20260101
CHANNELS = (Channel.PHONE,) * 6 + (Channel.WEB,) * 3 + (Channel.APP,)
CALLS = ("satisfied",) * 14 + ("basically",) * 4 + ("dissatisfied",) * 2 + ("unrated", "unreached")


class Builder:
    """Walks requests through the flow as the officers of the city would, at instants in the past."""

    def __init__(self) -> None:
        self.random = random.Random(SEED)  # noqa: S311 - invented data, reproducible
        self.now = timezone.now()
        self.actors: dict[str, Actor] = {}

    def actor(self, post: str, unit: str = "HOTLINE") -> Actor:
        """Who holds a post of a unit, by their codes."""
        key = f"{unit}/{post}"
        if key not in self.actors:
            holder = Person.objects.get(appointments__post__code=post, appointments__post__organisation__code=unit)
            self.actors[key] = actor_of_person(holder)
        return self.actors[key]

    def later(self, at: datetime, low: float, high: float) -> datetime:
        """Some hours later, inside working hours, never in the future."""
        moment = at.astimezone(SHANGHAI) + timedelta(hours=self.random.uniform(low, high))
        if not 9 <= moment.hour < 17:
            moment = datetime.combine(moment.date() + timedelta(days=moment.hour >= 17), time(9, 30), SHANGHAI)
        return max(moment, at + timedelta(minutes=5))

    def train(self) -> None:
        """A first classifier from generated sentences, so that the desk has proposals on the first day."""
        if TriageModel.objects.exists():
            return
        pairs = [texts.message(self.random) for _ in range(900)]
        bodies = [f"{title} {body}" for _, title, body in pairs]
        triage.train(self.actor("manager"), bodies, [theme.category for theme, _, _ in pairs])

    def intakes(self, count: int = REQUESTS) -> list[tuple[texts.Theme, Intake]]:
        """Requests over the span; every twentieth repeats an earlier grievance, one event is told by many people."""
        made: list[tuple[texts.Theme, Intake]] = []
        first = timezone.localdate() - timedelta(days=DAYS)
        for number in range(count):
            theme, title, body = texts.message(self.random)
            phone = f"1391000{self.random.randint(0, 170):04}"
            if number % 20 == 19:
                theme, earlier = made[self.random.randrange(len(made))]
                title, body, phone = earlier.title, f"{earlier.content}上次反映后没有解决，再次反映。", earlier.phone
            if number % 29 == 28:
                theme, title = texts.THEMES[3], "锦绣家园旁工地夜间施工噪音"
                body = f"石桥街道锦绣家园旁华丰地块工地{self.random.choice(texts.HOURS)}还在打桩，整个小区都睡不着，请查处。"
            made.append((theme, self.intake(theme, title, body, phone, first)))
        made += [self.fresh(hours) for hours in range(1, FRESH + 1)]
        return sorted(made, key=lambda each: each[1].received_at or self.now)

    def fresh(self, hours: int) -> tuple[texts.Theme, Intake]:
        """A request of the last day, still to be dispatched, so that the desks have work to show."""
        theme, title, body = texts.message(self.random)
        made = self.intake(theme, title, body, f"1392000{hours:04}", timezone.localdate())
        return theme, replace(made, received_at=self.now - timedelta(hours=hours))

    def intake(self, theme: texts.Theme, title: str, body: str, phone: str, first: date) -> Intake:
        day = first + timedelta(days=int(self.random.triangular(0, DAYS - 1, DAYS * 0.7)))
        at = datetime.combine(day, time(self.random.randint(8, 20), self.random.randint(0, 59)), SHANGHAI)
        return Intake(
            channel=self.random.choice(CHANNELS), kind=Kind(theme.kind), title=title, content=body,
            received_at=min(at, self.now - timedelta(minutes=30)), name="演示诉求人", phone=phone,
            public=self.random.random() < 0.3, likes=self.random.randint(0, 30),
        )  # fmt: skip

    def act(self, actor: Actor, request: Request, action: str, at: datetime, **given: object) -> datetime:
        flow.act(actor, request.case_id, action, happened_at=min(at, self.now), **given)  # type: ignore[arg-type]
        return at

    def live(self, request: Request, theme: texts.Theme) -> None:
        """As far as the request would have got by now; recent ones stop on the way."""
        at = self.later(request.received_at, 0.3, 3)
        if at > self.now - timedelta(hours=8):
            return
        triage.assign_matter(self.actor("dispatcher"), request.pk, theme.matter)
        request.refresh_from_db()
        given = {**handling.responsible_of(request), "co_handlers": []}
        self.act(self.actor("dispatcher"), request, "dispatch", at, data=given, opinion="按事项词典派单")
        request.refresh_from_db()
        unit = request.organisation.code
        at = self.later(at, 0.5, 34 if self.random.random() < 0.1 else 6)
        if at > self.now:
            return
        self.act(self.actor("handler", unit), request, "sign", at)
        self.answer(request, unit, at, first=True)

    def answer(self, request: Request, unit: str, at: datetime, *, first: bool) -> None:
        at = self.later(at, 4, 260 if self.random.random() < 0.12 else 70)
        if at > self.now:
            return
        pool = texts.EMPTY_REPLIES if self.random.random() < 0.05 else texts.REPLIES
        reply = texts.fill(self.random.choice(pool), self.random)
        self.act(self.actor("handler", unit), request, "answer", at, data={"reply": reply})
        at = self.later(at, 0.5, 8)
        if at > self.now:
            return
        self.act(self.actor("head", unit), request, "approve", at, opinion="同意")
        at = self.later(at, 2, 30)
        if at > self.now:
            return
        result = self.random.choice(CALLS if first else ("satisfied", "basically", "dissatisfied_final"))
        spoken = {} if result in ("unrated", "unreached") else {"data": {"resolved": "dissatisfied" not in result}}
        self.act(self.actor("caller"), request, result, at, opinion="电话回访", **spoken)
        if result == "dissatisfied":
            self.answer(request, unit, at, first=False)

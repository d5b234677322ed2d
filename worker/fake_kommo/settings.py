"""The account itself: its fields, pipelines, users and webhooks."""

from __future__ import annotations

from worker.fake_kommo.calls import EMPTY, Answer, Call, refused
from worker.fake_kommo.endpoints import RECORDS, Endpoints, Route
from worker.fake_kommo.schema import ACCOUNT, MISSING


class SettingsEndpoints(Endpoints):
    """What the account is set up with."""

    def routes(self) -> tuple[Route, ...]:
        return (
            ("GET", r"account", self.read_account),
            ("GET", r"users", self.read_users),
            ("GET", r"leads/pipelines", self.read_pipelines),
            ("GET", rf"({RECORDS})/custom_fields", self.read_fields),
            ("POST", rf"({RECORDS})/custom_fields", self.add_fields),
            ("GET", r"webhooks", self.list_webhooks),
            ("POST", r"webhooks", self.add_webhook),
            ("DELETE", r"webhooks", self.drop_webhook),
        )

    def read_account(self, call: Call) -> Answer:
        kinds = [{"id": 1, "name": "Follow-up", "code": "FOLLOW_UP"}, {"id": 2, "name": "Meeting", "code": "MEETING"}]
        return 200, {**ACCOUNT, "is_api_filter_enabled": False, "_embedded": {"task_types": kinds}}

    def read_users(self, call: Call) -> Answer:
        return self.page(call, "users", self.account.schema.users, lambda user: dict(user))

    def read_pipelines(self, call: Call) -> Answer:
        shown = [
            {
                **{name: value for name, value in one.items() if name != "statuses"},
                "_embedded": {"statuses": one["statuses"]},
            }
            for one in self.account.schema.pipelines.values()
        ]
        return 200, {"_total_items": len(shown), "_embedded": {"pipelines": shown}}

    def read_fields(self, call: Call, entity: str) -> Answer:
        return self.page(
            call, "custom_fields", list(self.account.schema.fields[entity].values()), lambda one: dict(one)
        )

    def add_fields(self, call: Call, entity: str) -> Answer:
        made = []
        for item in self.array(call):
            field = {"id": self.account.next_id(), "code": None, "enums": None, "is_api_only": False, **item}
            self.account.schema.fields[entity][field["id"]] = field
            made.append(field)
        return 201, {"_total_items": len(made), "_embedded": {"custom_fields": made}}

    def list_webhooks(self, call: Call) -> Answer:
        hooks = list(self.account.webhooks.values())
        return (200, {"_total_items": len(hooks), "_embedded": {"webhooks": hooks}}) if hooks else EMPTY

    def add_webhook(self, call: Call) -> Answer:
        body = call.body if isinstance(call.body, dict) else {}
        if not body.get("destination") or not body.get("settings"):
            raise refused([("0", [("destination" if not body.get("destination") else "settings", MISSING)])])
        hook = {"id": self.account.next_id(), "disabled": False, "account_id": ACCOUNT["id"], "sort": 1, **body}
        self.account.webhooks[body["destination"]] = hook
        return 200, hook

    def drop_webhook(self, call: Call) -> Answer:
        self.account.webhooks.pop((call.body or {}).get("destination", ""), None)
        return EMPTY

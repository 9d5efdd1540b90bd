"""AWS Budgets: `AWS::Budgets::Budget` in a template, and what AWS refuses and ministack 1.5.33 takes.

- A notification tells one SNS topic at most and ten e-mail addresses ("one SNS subscriber and up to 10
  email subscribers"). The topic is one of the same account.
- A budget of cost or usage has a limit, and has one either fixed or planned; its amount is a number.
- An account asks for its own budgets only.
- Nobody sends a bill here: what was spent is unknown, so a budget has no `CalculatedSpend`, and none of its
  notifications is ever sent. The platform's estimate has its own alarms (docs/operations/cost.md).

Sources: AWS Budgets API Reference, Budget, Notification, Subscriber and CreateBudget; AWS Cost Management
User Guide, "Creating an Amazon SNS topic for budget notifications" (cross-account is not supported);
CloudFormation, AWS::Budgets::Budget: a new name or other notifications make another budget; Ref is its
name.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from typing import Any

from local.hooks.base import private, replace

Json = dict[str, Any]
Answer = tuple[int, Json, bytes]
KIND = "AWS::Budgets::Budget"
MOST_EMAILS = 10
_AMOUNT = re.compile(r"([0-9]*\.)?[0-9]+")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_LIMITED = ("COST", "USAGE")
_LONGEST_NAME = 100
_REMADE = "NotificationsWithSubscribers"


def limit_wrong(budget: Json) -> str:
    """Why a budget's limit is refused; empty where it is taken.

    >>> limit_wrong({"BudgetType": "COST"})
    'Budget limit is required for budgets of type COST'
    >>> limit_wrong({"BudgetType": "COST", "BudgetLimit": {"Amount": "-5", "Unit": "USD"}})
    'Invalid amount: -5'
    >>> limit_wrong({"BudgetType": "RI_COVERAGE"})
    ''
    """
    fixed, planned = budget.get("BudgetLimit"), budget.get("PlannedBudgetLimits")
    if fixed and planned:
        return "BudgetLimit and PlannedBudgetLimits exclude each other"
    if not fixed and not planned and budget.get("BudgetType") in _LIMITED:
        return f"Budget limit is required for budgets of type {budget['BudgetType']}"
    if fixed and not _AMOUNT.fullmatch(str(fixed.get("Amount", ""))):
        return f"Invalid amount: {fixed.get('Amount')}"
    return "" if not fixed or fixed.get("Unit") else "Unit can not be null or empty"


def subscribers_wrong(subscribers: list[Json], account: str) -> tuple[str, str]:
    """The error's code, and why subscribers are refused; both empty where they are taken."""
    addresses = [(item.get("SubscriptionType"), str(item.get("Address", ""))) for item in subscribers]
    topics = [address for kind, address in addresses if kind == "SNS"]
    mails = [address for kind, address in addresses if kind == "EMAIL"]
    if len(topics) > 1:
        return "CreationLimitExceededException", "A notification can have at most 1 SNS subscriber"
    if len(mails) > MOST_EMAILS:
        text = f"A notification can have at most {MOST_EMAILS} EMAIL subscribers"
        return "CreationLimitExceededException", text
    if len(set(addresses)) < len(addresses):
        return "DuplicateRecordException", "A subscriber stands twice in a notification"
    for topic in topics:
        if not re.fullmatch(rf"arn:aws[\w-]*:sns:[\w-]+:{account}:[\w-]+", topic):
            return "InvalidParameterException", f"Invalid SNS topic ARN: {topic}"
    wrong = [mail for mail in mails if not _EMAIL.fullmatch(mail)]
    return ("InvalidParameterException", f"Invalid email address: {wrong[0]}") if wrong else ("", "")


def install() -> None:
    """Apply the hooks."""
    from ministack.core.responses import error_response_json, get_account_id
    from ministack.services import budgets

    shape, listed = private(budgets, "_validate_budget_shape"), private(budgets, "_validate_subscribers")
    shown = private(budgets, "_apply_show_filter_expression")
    calls: dict[str, Callable[[Json], Answer]] = private(budgets, "_DISPATCH")

    def validate_shape(budget: Any) -> Any:
        wrong = shape(budget)
        if wrong is None and (text := limit_wrong(budget)):
            return error_response_json("InvalidParameterException", text, 400)
        return wrong

    def validate_subscribers(subscribers: Any, **more: Any) -> Any:
        wrong = listed(subscribers, **more)
        if wrong is None:
            code, text = subscribers_wrong(subscribers, get_account_id())
            return error_response_json(code, text, 400) if code else None
        return wrong

    def without_spend(budget: Json, show: bool) -> Json:
        told: Json = shown(budget, show)
        told.pop("CalculatedSpend", None)
        return told

    def of_own_account(call: Callable[[Json], Answer]) -> Callable[[Json], Answer]:
        def calling(given: Json) -> Answer:
            if "AccountId" in given and given["AccountId"] != get_account_id():
                text = f"Account {get_account_id()} may not see budgets of account {given['AccountId']}"
                refused: Answer = error_response_json("AccessDeniedException", text, 400)
                return refused
            return call(given)

        return calling

    def add_subscriber(given: Json) -> Answer:
        """CreateSubscriber: with the new one, the notification keeps its limits."""
        found = private(budgets, "_find_notification_entry")(
            given.get("BudgetName"), given.get("Notification") or {}
        )
        new = given.get("Subscriber")
        if found is not None and isinstance(new, dict) and new not in found["subscribers"]:
            code, text = subscribers_wrong([*found["subscribers"], new], get_account_id())
            if code:
                refused: Answer = error_response_json(code, text, 400)
                return refused
        return creating(given)

    creating = calls["CreateSubscriber"]
    calls["CreateSubscriber"] = add_subscriber
    replace(budgets, "_validate_budget_shape", validate_shape)
    replace(budgets, "_validate_subscribers", validate_subscribers)
    replace(budgets, "_apply_show_filter_expression", without_spend)
    for name, call in calls.items():
        calls[name] = of_own_account(call)
    _provision(calls)


def request_of(properties: Json, name: str) -> Json:
    """What CreateBudget is asked for a template's properties: an amount is text there.

    >>> request_of({"Budget": {"BudgetLimit": {"Amount": 50.0, "Unit": "USD"}}}, "b")["Budget"]
    {'BudgetLimit': {'Amount': '50', 'Unit': 'USD'}, 'BudgetName': 'b'}
    """
    budget = {**properties["Budget"], "BudgetName": name}
    if limit := budget.get("BudgetLimit"):
        budget["BudgetLimit"] = {**limit, "Amount": f"{float(limit['Amount']):.15g}"}
    for part in ("CostFilters", "PlannedBudgetLimits"):
        if isinstance(budget.get(part), str):
            budget[part] = json.loads(budget[part])
    told = [
        {**item, "Notification": _numbered(item["Notification"])} for item in properties.get(_REMADE) or []
    ]
    tags = properties.get("ResourceTags") or []
    return {"Budget": budget, _REMADE: told, "ResourceTags": tags}


def _numbered(notification: Json) -> Json:
    return {**notification, "Threshold": float(notification["Threshold"])}


def _provision(calls: dict[str, Callable[[Json], Answer]]) -> None:
    from ministack.services.cloudformation import provisioners

    def asked(call: str, request: Json) -> None:
        status, _, body = calls[call](request)
        if status >= 400:
            raise ValueError(f'Resource handler returned message: "{json.loads(body)["message"]}"')

    def made(properties: Json, beginning: str) -> tuple[str, Json]:
        end = uuid.uuid4().hex[:13].upper()
        name = properties["Budget"].get("BudgetName") or f"{beginning[: _LONGEST_NAME - 14]}-{end}"
        asked("CreateBudget", request_of(properties, name))
        return name, {"Id": name}

    def create(logical: str, properties: Json, stack: str) -> tuple[str, Json]:
        return made(properties, f"{stack}-{logical}")

    def update(physical: str, old: Json, new: Json, *_rest: Any) -> tuple[str, Json]:
        names = [item["Budget"].get("BudgetName") for item in (old, new)]
        if names[0] != names[1] or old.get(_REMADE) != new.get(_REMADE):
            return made(new, physical.rpartition("-")[0] or physical)  # the old one goes when all is done
        asked("UpdateBudget", {"NewBudget": request_of(new, physical)["Budget"]})
        return physical, {"Id": physical}

    def delete(physical: str, _properties: Json) -> None:
        status, _, body = calls["DeleteBudget"]({"BudgetName": physical})
        if status >= 400 and "NotFoundException" not in str(json.loads(body).get("__type")):
            raise ValueError(json.loads(body)["message"])

    handlers: dict[str, Json] = private(provisioners, "_RESOURCE_HANDLERS")
    handlers[KIND] = {"create": create, "update": update, "delete": delete}

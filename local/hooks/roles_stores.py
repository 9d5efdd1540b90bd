"""Roles: what services know that a permission depends on: keys of tables, objects and their tags."""

from __future__ import annotations

from local.hooks.base import private


def partition_key(table: str, index: str) -> str:
    """The partition key of a table, or of one of its indexes; empty when there is none."""
    from ministack.services import dynamodb

    found = private(dynamodb, "_tables").get(table.rsplit("/", 1)[-1]) or {}
    described = found
    if index:
        indexes = (found.get("GlobalSecondaryIndexes") or []) + (found.get("LocalSecondaryIndexes") or [])
        described = next((item for item in indexes if item.get("IndexName") == index), {})
    schema = described.get("KeySchema") or []
    return next((str(item["AttributeName"]) for item in schema if item.get("KeyType") == "HASH"), "")


def task_roles(definition: str) -> list[str]:
    """The roles of an ECS task definition, named by ARN or family."""
    from ministack.services import ecs

    name = definition.rsplit("/", 1)[-1]
    known, latest = private(ecs, "_task_defs"), private(ecs, "_task_def_latest")
    found = known.get(name) or known.get(f"{name}:{latest.get(name)}") or {}
    return [role for member in ("taskRoleArn", "executionRoleArn") if (role := found.get(member))]


def has_tags(bucket: str, key: str, version: str) -> bool:
    """Whether an object has tags."""
    from ministack.services import s3

    return bool(
        private(s3, "object_tags_for_condition")(bucket, key, {"versionId": version} if version else {})
    )


def exists(bucket: str, key: str, version: str) -> bool:
    """Whether an object is there; empty version for the current one."""
    from ministack.services import s3

    found = private(s3, "_buckets").get(bucket)
    if found is None:
        return True  # a bucket that is not there is told as such
    if version:
        versions = private(s3, "_object_versions").get((bucket, key), [])
        return any(item["version_id"] == version for item in versions) or version == "null"
    return key in found["objects"]

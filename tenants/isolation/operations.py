"""The migration operation that puts a tenant's table behind its wall, in the same migration."""

from typing import Any

from django.apps.registry import Apps
from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from tenants.isolation import policies
from tenants.isolation.models import TenantForeignKey


class IsolateTenant(Operation):
    """Force row-level security on a model's table; make its references composite.

    `append_only` makes the database refuse changes to what is written, all but DELETE where
    `deletable`. `column` and `also_read`
    serve the two tables that a person reads before a tenant is chosen (see `policies.wall`).
    """

    reduces_to_sql = True
    reversible = True

    def __init__(
        self,
        name: str,
        *,
        append_only: bool = False,
        deletable: bool = False,
        column: str = "tenant_id",
        also_read: str = "",
    ) -> None:
        self.name = name
        self.append_only = append_only
        self.deletable = deletable
        self.column = column
        self.also_read = also_read

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Nothing of this shows in Django's model state."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        model = to_state.apps.get_model(app_label, self.name)
        for statement in self._statements(model, to_state.apps):
            schema_editor.execute(statement)

    def _statements(self, model: type[models.Model], apps: Apps) -> list[str]:
        table = model._meta.db_table
        statements = policies.wall(table, column=self.column, also_read=self.also_read)
        key = model._meta.pk
        if key.column == "id" and "tenant_id" in {f.column for f in model._meta.local_fields}:
            statements.append(policies.tenant_key(table))
        for field in model._meta.local_fields:
            if isinstance(field, TenantForeignKey):
                target = field.remote_field.model._meta.db_table
                statements.append(policies.tenant_reference(table, field.column, target))
        if self.append_only:
            statements += policies.append_only(table, deletable=self.deletable)
        return statements

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """The table goes with its CreateModel; policies and constraints go with the table."""

    def describe(self) -> str:
        return f"Put {self.name} behind its tenant's wall"

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        given = {
            "append_only": self.append_only,
            "deletable": self.deletable,
            "column": self.column,
            "also_read": self.also_read,
        }
        usual = {
            "append_only": False,
            "deletable": False,
            "column": "tenant_id",
            "also_read": "",
        }
        options = {name: value for name, value in given.items() if value != usual[name]}
        return self.__class__.__qualname__, [self.name], options

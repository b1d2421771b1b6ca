"""How a form of the admin becomes one call of an action, errors beside the fields."""

from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from django import forms
from django.contrib import admin
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from huying.directory.models import Account, Division, Grid
from huying.directory.permissions import Actor, DomainError
from huying.directory.queries import actor_of, division_names

M = TypeVar("M", bound=models.Model)


if TYPE_CHECKING:
    _ModelForm = forms.ModelForm[Any]

    class _ModelAdmin(admin.ModelAdmin[M]):
        """Generic for the type checker alone: Django's class takes no parameter."""
else:
    _ModelForm = forms.ModelForm

    class _ModelAdmin(admin.ModelAdmin, Generic[M]):
        pass


class DateInput(forms.DateInput):
    input_type = "date"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="%Y-%m-%d", **kwargs)


class DateTimeInput(forms.DateTimeInput):
    input_type = "datetime-local"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M", **kwargs)


class OutlineField(forms.JSONField):
    """A GeoJSON outline: an empty box for none, where Django would write null."""

    def prepare_value(self, value: Any) -> Any:
        return "" if value is None else super().prepare_value(value)


class ActionForm(_ModelForm):
    """A form whose valid input is handed to one action: what that refuses, the form shows.

    The action runs while the form is cleaned, inside the admin's transaction, so that a
    refusal comes back with everything the person typed. The model itself is never saved.
    """

    actor: Actor
    saved_pk: Any = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)

    def act(self, by: Actor) -> Any:
        """Call the action; returns the primary key of what was written."""
        raise NotImplementedError  # each form names its own action

    def _post_clean(self) -> None:
        if self.errors:
            return
        try:
            # A savepoint: the admin's own transaction goes on, and shows the refusal.
            with transaction.atomic():
                self.saved_pk = self.act(self.actor)
        except DomainError as error:
            english = (get_language() or "").startswith("en")
            self.add_error(None, error.en if english else error.zh)

    def validate_unique(self) -> None:
        """The action and the database know."""


def _told_apart(row: models.Model) -> str:
    """A row in a list to choose from, so that it cannot be taken for its namesake."""
    if isinstance(row, Account):
        return f"{row.name} · {row.username}"
    if isinstance(row, Division):
        return division_names([row.code]).get(row.code, row.name)
    if isinstance(row, Grid):
        return division_names([row.division_id]).get(row.division_id, "") + row.name
    return str(row)


class ActingAdmin(_ModelAdmin[M]):
    """Base of the master data admins."""

    form = ActionForm
    list_per_page = 50
    empty_value_display = "—"
    save_on_top = False
    actions = None
    key_fields: ClassVar[tuple[str, ...]] = ()
    """Fields that name the row: given when it is made, fixed afterwards."""

    def get_readonly_fields(self, request: HttpRequest, obj: M | None = None) -> Any:
        return (*self.readonly_fields, *(self.key_fields if obj is not None else ()))

    def get_form(
        self, request: HttpRequest, obj: M | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        # A class of this request alone: get_form makes one each time.
        form.actor = actor_of(request)  # type: ignore[attr-defined]  # an ActionForm
        return form

    def formfield_for_dbfield(
        self, db_field: "models.Field[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> Any:
        if isinstance(db_field, models.DateTimeField):
            return forms.DateTimeField(
                label=db_field.verbose_name, required=not db_field.blank, widget=DateTimeInput()
            )
        if isinstance(db_field, models.DateField):
            return forms.DateField(
                label=db_field.verbose_name, required=not db_field.blank, widget=DateInput()
            )
        if isinstance(db_field, models.JSONField):
            return OutlineField(
                label=db_field.verbose_name, required=not db_field.blank, widget=forms.Textarea()
            )
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if isinstance(field, forms.ModelMultipleChoiceField):
            field.empty_label = None
        elif isinstance(field, forms.ModelChoiceField):
            field.empty_label = _("请选择") if field.required else _("（无）")
            chosen_from: Any = field  # a method that Django would have overridden
            chosen_from.label_from_instance = _told_apart
        elif isinstance(field, forms.TypedChoiceField):
            given: Any = field.choices
            field.choices = [(code, label if code else _("请选择")) for code, label in given]
        if field is not None and hasattr(field.widget, "can_add_related"):
            field.widget.can_add_related = False
            field.widget.can_change_related = False
            field.widget.can_delete_related = False
            field.widget.can_view_related = False
        return field

    def save_model(self, request: HttpRequest, obj: M, form: Any, change: bool) -> None:
        """The action has written already; show what it wrote."""
        fresh = type(obj)._default_manager.get(pk=form.saved_pk)
        obj.__dict__.update(fresh.__dict__)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Nothing beside the row: the action wrote it whole."""

    # The ledger is the record; Django's second one of the same acts is not kept.
    def log_addition(self, *args: Any) -> Any:
        return None

    def log_change(self, *args: Any) -> Any:
        return None

    def log_deletions(self, *args: Any) -> Any:
        return None

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """The history of a row is in the ledger; here is the row."""
        return HttpResponseRedirect("../change/")

"""Residents and households: the vault. Sealed values open only through `actions.reveal_person`."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from huying.directory.models.places import Division, Grid
from huying.directory.vault import SealedField


class Household(models.Model):
    """People who live together at one address."""

    address = SealedField(context="household.address", null=True, blank=True)
    number_index = models.BinaryField(null=True, unique=True, editable=False)
    """Blind index of the household's number in the register (户号)."""
    division = models.ForeignKey(Division, on_delete=models.PROTECT, related_name="households")
    grid = models.ForeignKey(
        Grid, null=True, blank=True, on_delete=models.SET_NULL, related_name="households"
    )

    class Meta:
        verbose_name = _("家庭户")
        verbose_name_plural = _("家庭户")

    def __str__(self) -> str:
        return str(self.pk)


class Person(models.Model):
    """A resident, or somebody who once spoke to the county.

    Two blind indexes decide who is the same person: the ID number alone, or telephone and name
    together (a telephone is shared by a family, a name by thousands).
    """

    class Sex(models.TextChoices):
        MALE = "MALE", _("男")
        FEMALE = "FEMALE", _("女")

    name = SealedField(context="person.name", null=True)
    id_number = SealedField(context="person.id_number", null=True)
    phone = SealedField(context="person.phone", null=True)
    address = SealedField(context="person.address", null=True)
    name_index = models.BinaryField(null=True, editable=False)
    id_number_index = models.BinaryField(null=True, editable=False)
    phone_index = models.BinaryField(null=True, editable=False)
    household = models.ForeignKey(
        Household, null=True, blank=True, on_delete=models.SET_NULL, related_name="members"
    )
    registered_division = models.ForeignKey(
        Division, null=True, blank=True, on_delete=models.PROTECT, related_name="registered_people"
    )
    residence_division = models.ForeignKey(
        Division, null=True, blank=True, on_delete=models.PROTECT, related_name="resident_people"
    )
    grid = models.ForeignKey(
        Grid, null=True, blank=True, on_delete=models.SET_NULL, related_name="people"
    )
    sex = models.CharField(max_length=6, choices=Sex, blank=True, default="")
    birth_date = models.DateField(null=True, blank=True)
    is_away = models.BooleanField(_("外出"), default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    erased_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("居民")
        verbose_name_plural = _("居民")
        constraints = [
            models.UniqueConstraint(
                fields=["id_number_index"],
                condition=Q(id_number_index__isnull=False),
                name="person_id_number_once",
            ),
            models.UniqueConstraint(
                fields=["phone_index", "name_index"],
                condition=Q(phone_index__isnull=False, name_index__isnull=False)
                & Q(id_number_index__isnull=True),
                name="person_phone_and_name_once",
            ),
            models.CheckConstraint(
                condition=Q(erased_at__isnull=True)
                | Q(
                    name__isnull=True,
                    id_number__isnull=True,
                    phone__isnull=True,
                    address__isnull=True,
                    name_index__isnull=True,
                    id_number_index__isnull=True,
                    phone_index__isnull=True,
                ),
                name="person_erased_is_empty",
            ),
        ]
        indexes = [
            models.Index(fields=["phone_index", "name_index"], name="person_by_phone"),
            models.Index(fields=["name_index"], name="person_by_name"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class ErasedIdNumber(models.Model):
    """The blind index of an erased person's ID number, so that no register brings them back.

    It says of nobody who they were, and refers to no row that is left of them.
    """

    index = models.BinaryField(primary_key=True, editable=False)

    def __str__(self) -> str:
        return bytes(self.index).hex()


class AccessRecord(models.Model):
    """Who saw which sealed values of whom, when and what for. Appended, never changed."""

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="access_records")
    account = models.ForeignKey(
        "directory.Account",
        null=True,
        on_delete=models.PROTECT,
        related_name="access_records",
    )
    actor_ref = models.CharField(max_length=80)
    fields = models.JSONField()
    purpose = models.CharField(max_length=200)
    matter = models.CharField(max_length=40, blank=True, default="")  # "case:17": what it was for
    at = models.DateTimeField(default=timezone.now)
    record_id = models.BigIntegerField()

    class Meta:
        verbose_name = _("个人信息查看记录")
        verbose_name_plural = _("个人信息查看记录")
        indexes = [models.Index(fields=["person", "-at"], name="access_newest")]

    def __str__(self) -> str:
        return f"{self.actor_ref} {self.person_id}"

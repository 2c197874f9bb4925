"""Declared, typed settings: options with their types, sections of them, and the sections of the chassis.

``value_types`` and ``conversion`` hold the types of values, ``options`` the declaration of one option, and
``section`` the classes that hold values. Each section of the chassis has a module of its own here, so that a
command that checks a file imports no feature that uses the section. No file is read here.
"""

from types import ModuleType as _ModuleType

from debonair.settings.api import ApiSection as ApiSection
from debonair.settings.database import DatabaseSection as DatabaseSection
from debonair.settings.flask_options import FlaskSection as FlaskSection
from debonair.settings.health import HealthSection as HealthSection
from debonair.settings.hosts import check_host as check_host
from debonair.settings.hosts import is_address as is_address
from debonair.settings.jobs import JobsSection as JobsSection
from debonair.settings.log import LogSection as LogSection
from debonair.settings.mail import MailSection as MailSection
from debonair.settings.options import Option as Option
from debonair.settings.options import did_you_mean as did_you_mean
from debonair.settings.options import option as option
from debonair.settings.rest_resource import ResourceSection as ResourceSection
from debonair.settings.section import SECRET_FILE_SUFFIX as SECRET_FILE_SUFFIX
from debonair.settings.section import Section as Section
from debonair.settings.section import Settings as Settings
from debonair.settings.section import has_instances as has_instances
from debonair.settings.section import name_of as name_of
from debonair.settings.section import options_of as options_of
from debonair.settings.section import title_of as title_of
from debonair.settings.section import unfit_for_production as unfit_for_production
from debonair.settings.section import values_of as values_of
from debonair.settings.server import ServerSection as ServerSection
from debonair.settings.service import ServiceSection as ServiceSection
from debonair.settings.value_types import MASK as MASK
from debonair.settings.value_types import Duration as Duration
from debonair.settings.value_types import Size as Size
from debonair.settings.value_types import Uri as Uri

__all__ = sorted(
    name for name, item in globals().items() if not (name.startswith("_") or isinstance(item, _ModuleType))
)

"""The one settings file. Everything a county may change comes from the environment:

HUYING_DATA_DIR      all that must be backed up (default var/)
HUYING_DATABASE_URL  a PostgreSQL server; without it the embedded one in HUYING_DATA_DIR is used
HUYING_COUNTY        the schema of this county (default county)
HUYING_HOSTS         host names this site answers to, comma separated
HUYING_PUBLIC_URL    the address residents see, for links and QR codes
HUYING_STREAM_URL    the origin of the live stream, where it is not the site's own
HUYING_DEMO          1 shows the one-click demo sign-ins; never on a real county

The others, with what each means, are listed in docs/operators.md.
"""

import os
import re
import sys
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from psycopg.conninfo import conninfo_to_dict

from huying.config import embedded
from huying.config.secrets import given, secret

BASE_DIR = Path(__file__).resolve().parents[3]
DATA_DIR = Path(os.environ.get("HUYING_DATA_DIR", BASE_DIR / "var")).resolve()
KEY_DIR = Path(os.environ.get("HUYING_KEY_DIR", DATA_DIR / "keys"))
POSTGRES_DIR = DATA_DIR / "postgres"
BACKUP_DIR = Path(os.environ.get("HUYING_BACKUP_DIR", DATA_DIR / "backups")).resolve()
# The last checkpoint this county signed, kept apart from its database. Empty: none is kept.
LEDGER_MARK = os.environ.get("HUYING_LEDGER_MARK", str(KEY_DIR / "ledger_signed"))

DEMO = os.environ.get("HUYING_DEMO") == "1"
DEBUG = False
SECRET_KEY = secret("django_secret", KEY_DIR)

PUBLIC_URL = os.environ.get("HUYING_PUBLIC_URL", "http://127.0.0.1:8000").rstrip("/")
STREAM_URL = os.environ.get("HUYING_STREAM_URL", "").rstrip("/")
HJ212_HOST = os.environ.get("HUYING_HJ212_HOST", "127.0.0.1")
HJ212_PORT = int(os.environ.get("HUYING_HJ212_PORT", "9212"))
MQTT_URL = given("mqtt_url")
ALLOWED_HOSTS = [
    "127.0.0.1",
    "localhost",
    *filter(None, os.environ.get("HUYING_HOSTS", "").split(",")),
    *filter(None, [urlsplit(PUBLIC_URL).hostname]),
]
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
# How many proxies of ours stand in front: whose word about the caller's address counts.
TRUSTED_PROXIES = int(os.environ.get("HUYING_TRUSTED_PROXIES", "0"))
# How long what time alone brings about waits after the clock jumped ahead, unless it is set right.
TIME_WAIT_SECONDS = float(os.environ.get("HUYING_TIME_WAIT_SECONDS", "900"))
# What the vault seals with from now on: AES256GCM or SM4GCM. What is sealed opens with either.
VAULT_CIPHER = os.environ.get("HUYING_VAULT_CIPHER", "AES256GCM")
_over_tls = PUBLIC_URL.startswith("https://")
# Roles that sign in with a second factor; ALL is everybody. A county that is really in use has
# its three administrators do so, unless it says otherwise.
SECOND_FACTOR_ROLES = tuple(
    filter(
        None,
        os.environ.get(
            "HUYING_SECOND_FACTOR_ROLES",
            "SYSTEM_ADMIN,SECURITY_ADMIN,AUDITOR" if _over_tls and not DEMO else "",
        ).split(","),
    )
)

INSTALLED_APPS = [
    "huying.config.apps.ConfigConfig",
    "huying.simulation.apps.SimulationConfig",
    "huying.insight.apps.InsightConfig",
    "huying.cases.apps.CasesConfig",
    "huying.sensing.apps.SensingConfig",
    "huying.notices.apps.NoticesConfig",
    "huying.directory.apps.DirectoryConfig",
    "huying.ledger.apps.LedgerConfig",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "procrastinate.contrib.django",
]

MIDDLEWARE = [
    "huying.config.watching.WatchMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "huying.config.middleware.SecurityHeadersMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "huying.config.limits.BodyLimitMiddleware",
    "huying.config.limits.PublicLimitMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "huying.directory.pages.session.SessionLimitMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "huying.config.middleware.OwnSiteMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "huying.config.errors.DomainErrorMiddleware",
]

ROOT_URLCONF = "huying.config.urls"
WSGI_APPLICATION = "huying.config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "huying.config.context.site",
            ],
        },
    }
]

# One county is one schema; its job queue, which brings triggers, has a schema of its own.
COUNTY = os.environ.get("HUYING_COUNTY", "county")
if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", COUNTY):
    raise ImproperlyConfigured(
        f"HUYING_COUNTY={COUNTY!r}: 只能用小写字母、数字和下划线，以字母开头，不超过 40 字 / "
        "lower-case letters, digits and underscores, a letter first, at most 40"
    )
COUNTY_SCHEMA = COUNTY
JOBS_SCHEMA = f"{COUNTY}_jobs"

_database_url = (
    given("database_url")
    or embedded.url_if_running(POSTGRES_DIR)
    or f"postgresql:///{embedded.DATABASE}?host={POSTGRES_DIR}"
)
_database = {k: v for k, v in conninfo_to_dict(_database_url).items() if v is not None}
DATABASES = {
    "default": {
        "ENGINE": "huying.config.postgres",
        "NAME": _database.pop("dbname", embedded.DATABASE),
        "USER": _database.pop("user", ""),
        "PASSWORD": _database.pop("password", ""),
        "HOST": _database.pop("host", ""),
        "PORT": _database.pop("port", ""),
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            # A server that does not even refuse must not hold up the page that says so.
            "connect_timeout": "10",
            **_database,
            "options": f"-c search_path={COUNTY_SCHEMA},{JOBS_SCHEMA} -c statement_timeout=30s "
            # The rest of what keeps values out of the server's log only its owner may set.
            "-c idle_in_transaction_session_timeout=60s -c log_parameter_max_length_on_error=0",
            "application_name": "huying",
            "server_side_binding": True,
            "prepare_threshold": 2,
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
MIGRATION_MODULES = {"procrastinate": None}

AUTH_USER_MODEL = "directory.Account"
CSRF_FAILURE_VIEW = "huying.config.errors.csrf_failure"
LOGIN_URL = "/sign-in/"
LOGIN_REDIRECT_URL = "/start/"
LOGOUT_REDIRECT_URL = "/"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {
        # Django's are the 20,000 seen most often in breaches; a county may bring a longer list.
        "NAME": "django.contrib.auth.password_validation.CommonPasswordValidator",
        "OPTIONS": {"password_list_path": os.environ["HUYING_PASSWORD_LIST"]}
        if os.environ.get("HUYING_PASSWORD_LIST")
        else {},
    },
    {"NAME": "huying.directory.passwords.ThreeKindsValidator"},
    {"NAME": "huying.directory.passwords.DressedUpValidator"},
]
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
# Metres to which the public sees where a report is, unless its category is of public things.
PUBLIC_PLACE_METRES = max(1, int(os.environ.get("HUYING_PUBLIC_PLACE_METRES", "100")))
# How many sessions an account has open at once; one more ends the oldest.
MOST_SESSIONS = max(1, int(os.environ.get("HUYING_MOST_SESSIONS", "5")))
# After so many days without a sign-in the security administrators are told of an account; 0: never.
IDLE_ACCOUNT_DAYS = max(0, int(os.environ.get("HUYING_IDLE_ACCOUNT_DAYS", "90")))
SESSION_IDLE_MINUTES = int(os.environ.get("HUYING_SESSION_IDLE_MINUTES", "60"))
SESSION_COOKIE_SECURE = _over_tls
CSRF_COOKIE_SECURE = _over_tls
CSRF_COOKIE_HTTPONLY = True
# A browser takes a cookie of this name from this very host over TLS alone.
_host_prefix = "__Host-" if _over_tls else ""
SESSION_COOKIE_NAME = f"{_host_prefix}sessionid"
CSRF_COOKIE_NAME = f"{_host_prefix}csrftoken"
MESSAGES_COOKIE_NAME = f"{_host_prefix}messages"
SECURE_SSL_REDIRECT = False
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _over_tls else None
SECURE_HSTS_SECONDS = 31_536_000 if _over_tls else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = os.environ.get("HUYING_HSTS_SUBDOMAINS") != "0"
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SILENCED_SYSTEM_CHECKS = [
    # TLS ends at the proxy, which redirects; a loopback demo has no certificate.
    "security.W004",
    "security.W008",
    "security.W012",
    "security.W016",
    # A list in every browser of the world is the operator's decision.
    "security.W021",
]

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "简体中文"), ("en", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "Asia/Shanghai"
USE_I18N = True
USE_TZ = True

STATIC_URL = "/static/"
# A release that is installed beside others, or as an image, brings its own collected files.
STATIC_ROOT = Path(os.environ.get("HUYING_STATIC_DIR", DATA_DIR / "static"))
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
_front_end = BASE_DIR / "web" / "dist"
STATICFILES_DIRS = [_front_end] if _front_end.is_dir() else []
WHITENOISE_USE_FINDERS = True
WHITENOISE_ALLOW_ALL_ORIGINS = False
# The names with a hash in them, which browsers may keep for ever: once collected, and to collect.
_collected = (STATIC_ROOT / "staticfiles.json").exists() or "collectstatic" in sys.argv
MEDIA_ROOT = DATA_DIR / "attachments"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if _collected
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 20 * 2**20
FILE_UPLOAD_MAX_MEMORY_SIZE = 5 * 2**20
DATA_UPLOAD_MAX_NUMBER_FIELDS = 500

CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
MESSAGE_STORAGE = "huying.config.messages.HostCookieStorage"
PROCRASTINATE_ON_APP_READY = "huying.config.jobs.on_app_ready"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "huying.config.logs.JsonFormatter"}},
    "handlers": {"stderr": {"class": "huying.config.logs.BoundedHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": os.environ.get("HUYING_LOG_LEVEL", "WARNING")},
    # What was done, a line each, with its trace: kept whatever the level of the rest.
    "loggers": {
        "huying.trail": {"level": "INFO" if os.environ.get("HUYING_TRAIL") != "0" else "WARNING"}
    },
}

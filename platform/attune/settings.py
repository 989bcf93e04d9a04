"""Every setting of the installation, from the environment. No default for a secret."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import dj_database_url
from csp.constants import NONE, SELF

from attune import environment
from tenants.tracking.addresses import PATHS
from tenants.tracking.snippet import open_to_pages
from tenants.work.kinds import WorkKind

ROOT = Path(__file__).resolve().parents[2]
MODE = environment.choice("ATTUNE_MODE", "production", ("production", "local", "test"))
LOCAL = MODE != "production"
VAR = Path(environment.text("ATTUNE_VAR", str(ROOT / "var")))

DEBUG = False
SECRET_KEY = environment.secret("SECRET_KEY", local=LOCAL)
SECRET_KEY_FALLBACKS = environment.names("SECRET_KEY_FALLBACKS")
# 32 random bytes in base64: the root of every tenant's keys. It lives outside the database.
ATTUNE_MASTER_KEY = environment.secret("ATTUNE_MASTER_KEY", local=LOCAL, at_least=43)
# Which one it is, counted from 1; while it is rotated, the one before is read as well.
ATTUNE_MASTER_KEY_VERSION = environment.number("ATTUNE_MASTER_KEY_VERSION", 1)
ATTUNE_MASTER_KEY_PREVIOUS = environment.text("ATTUNE_MASTER_KEY_PREVIOUS", "")

ALLOWED_HOSTS = environment.names(
    "ALLOWED_HOSTS", "127.0.0.1,localhost,[::1],testserver" if LOCAL else ""
)
CSRF_TRUSTED_ORIGINS = environment.names("CSRF_TRUSTED_ORIGINS")
# "yes" only behind a proxy that overwrites X-Forwarded-Proto and appends to X-Forwarded-For, and
# that nobody can go around: without one, any client can send these headers.
TRUSTED_PROXY = environment.choice("TRUSTED_PROXY", "no", ("yes", "no")) == "yes"

INSTALLED_APPS = [
    "tenants.isolation",
    "tenants.work",
    "tenants.audit",
    "tenants.accounts",
    "tenants.access",
    "tenants.metering",
    "tenants.subjects",
    "tenants.departure",
    "tenants.evidence",
    "tenants.consent",
    "tenants.behaviour",
    "tenants.tracking",
    "tenants.erasure",
    "tenants.rights",
    "training.jobs",
    "recommend",
    "compliance",
    "dashboard",
    "demo",
    "attune",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]

MIDDLEWARE = [
    "tenants.access.middleware.RequestIdMiddleware",
    "tenants.access.headers.AnswerHeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "tenants.access.headers.TLSOnlyAPIMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "attune.urls"
WSGI_APPLICATION = "attune.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "dashboard.context.shell",
            ],
        },
    },
]


def _database(name: str) -> dict[str, Any]:
    settings = dj_database_url.parse(environment.text(name), conn_max_age=60)
    return {**settings, "CONN_HEALTH_CHECKS": True}


# `default` is the unprivileged role of web and workers. `owner` exists only where migrations
# run: its URL is not handed to anything that serves.
DATABASES = {"default": _database("DATABASE_URL")}
if environment.text("DATABASE_OWNER_URL", ""):
    DATABASES["owner"] = _database("DATABASE_OWNER_URL")
    DATABASES["default"]["TEST"] = {"MIRROR": "owner"}
DATABASE_ROUTERS = ["tenants.isolation.router.OwnerMigrates"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = environment.text("REDIS_URL")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"socket_timeout": 2.0, "socket_connect_timeout": 2.0},
    }
}
# In the database alone: pages must open while Redis is away.
SESSION_ENGINE = "django.contrib.sessions.backends.db"

CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A request that rings while Redis is away must not wait for it; workers reconnect by themselves.
CELERY_BROKER_TRANSPORT_OPTIONS = {"max_retries": 0, "socket_connect_timeout": 2}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# The row is the truth; these look for what a lost message left behind.
CELERY_BEAT_SCHEDULE = {
    "reap": {"task": "work.reap", "schedule": timedelta(seconds=5)},
    "duties": {"task": "work.duties", "schedule": timedelta(seconds=60)},
    "finish": {"task": "departure.finish", "schedule": timedelta(seconds=60)},
}

# Kind of leased work -> where and how it runs: the one table that workers read.
WORK_KINDS = {
    "upload": WorkKind(
        "default",
        "tenants.behaviour.processing.ingest.run",
        lease=120,
        attempts=6,
        crashed="tenants.behaviour.processing.ingest.crash",
    ),
    "look": WorkKind(
        "default",
        "tenants.behaviour.asking.looking.run",
        lease=120,
        attempts=6,
        crashed="tenants.behaviour.processing.ingest.crash",
    ),
    "dry_run": WorkKind(
        "default",
        "tenants.behaviour.asking.rehearsing.run",
        lease=120,
        attempts=6,
        crashed="tenants.behaviour.asking.rehearsing.crash",
    ),
    "release": WorkKind("default", "tenants.behaviour.landing.release.run", lease=60, attempts=6),
    "notice_change": WorkKind(
        "default", "tenants.consent.changing.run", lease=120, attempts=20, urgent=True
    ),
    "first_training": WorkKind("default", "training.jobs.automatic.run", lease=60, attempts=6),
    "export": WorkKind(
        "default", "tenants.departure.exporting.run", lease=120, attempts=6, urgent=True
    ),
    "evidence": WorkKind(
        "default", "tenants.evidence.making.run", lease=120, attempts=6, urgent=True
    ),
    "erasure": WorkKind(
        "default", "tenants.erasure.sweeping.run", lease=120, attempts=100, urgent=True
    ),
    "weights": WorkKind(
        "default", "training.jobs.replacing.run", lease=120, attempts=6, urgent=True
    ),
    "subject_export": WorkKind(
        "default", "tenants.rights.exporting.run", lease=60, attempts=6, urgent=True
    ),
    "rotation": WorkKind(
        "default", "tenants.subjects.rotating.run", lease=120, attempts=20, urgent=True
    ),
    "job_check": WorkKind("default", "training.jobs.validating.run", lease=120, attempts=6),
    "job": WorkKind(
        "gpu",
        "training.jobs.supervisor.run",
        lease=30,
        attempts=100,
        fair=True,
        left="training.jobs.settling.settle",
    ),
}
# Asked before work is run that is not urgent, and now and then while it runs: the work of a
# suspended tenant waits.
WORK_GATE = "tenants.accounts.queries.may_work"
# What a tenant weighs in a fair queue, and how many of its items run there at once.
WORK_SHARE = "tenants.accounts.queries.share_of"
# How many slots this worker has for such a queue, and how many of them one item may take.
WORK_ROOM = "training.jobs.devices.room"
# Meter -> what of it is spoken for beyond what was used.
METER_RESERVATIONS = {"device_seconds": "training.jobs.budget.reserved"}
# What beat does once a minute for every tenant.
TENANT_DUTIES = [
    "tenants.audit.linking.link",
    "tenants.audit.sealing.seal",
    "tenants.audit.checkpoints.keep_up",
    "tenants.audit.copies.copy",
    "tenants.audit.retention.prune",
    "tenants.access.idempotency.expire",
    "tenants.metering.requests.bring_in",
    "tenants.consent.changing.look",
    "tenants.consent.coverage.measure",
    "tenants.behaviour.landing.quarantine.expire",
    "tenants.tracking.landing.look",
    "tenants.behaviour.landing.release.look",
    "tenants.behaviour.landing.narrowing.keep_up",
    "tenants.behaviour.arriving.sweeping.sweep",
    "tenants.behaviour.arriving.parts.expire",
    "tenants.departure.expiring.expire",
    "tenants.evidence.making.expire",
    "tenants.erasure.replaying.look",
    "tenants.erasure.sweeping.look",
    "tenants.rights.exports.expire",
    "tenants.rights.following.alert",
    "tenants.rights.following.follow",
    "tenants.rights.following.forget",
    "training.jobs.automatic.retrain",
    "training.jobs.sweeping.sweep",
    "training.jobs.replacing.look",
    "compliance.retention.expiring.expire",
    "recommend.lately.look",
]
# Where tenants may have copies of the checkpoints over their log: by name, a folder or an address
# of fsspec. What writes there should not be able to overwrite (object lock, another's account).
CHECKPOINT_PLACES = environment.addresses("CHECKPOINT_PLACES")
# How long entries of the log are kept. The database refuses less than the least.
AUDIT_DAYS = environment.days("AUDIT_DAYS", 1095, least=183)
# What else lies under a tenant's key and is sealed anew while the master key is rotated.
KEY_ROTATION = ["training.jobs.resealing.reseal"]
# Streams of rows that are sealed in batches instead of chained one by one.
SEALED_STREAMS = {
    "decisions": "recommend.decisions.stream",
    "event_batches": "tenants.behaviour.streaming.event_batches.stream",
}
# What auditors can be given: name of a kind -> what states its files.
EVIDENCE_KINDS = {
    "audit": "tenants.evidence.audit_log.kind",
    "lineage": "training.jobs.lineage_evidence.kind",
    "consents": "compliance.packs.ledger.kind",
    "processing": "compliance.packs.kinds.processing",
    "impact": "compliance.packs.kinds.impact",
    "algorithm": "compliance.packs.kinds.algorithm",
}
# Made of a base model's name: counts what its tokenizer cannot read of texts.
TEXT_READER = "training.engine.reading.reader_of"
# Called with the consent records that withdraw, refuse, opt out or invalidate, in the transaction
# that stores them: what was made from the subjects' data is above the ledger.
CONSENT_STOPS = ["training.jobs.leaving.on_stops"]
# Everything that holds rows of a subject: export, erase and count go through these.
SUBJECT_STORES = [
    "tenants.subjects.store.SubjectRows",
    "tenants.consent.store.ConsentRows",
    "tenants.behaviour.store.BehaviourRows",
    "tenants.erasure.store.ErasureRows",
    "tenants.rights.store.RightsRows",
    "training.jobs.store.SnapshotRows",
    "recommend.store.DecisionRows",
]
# What an erasure must reach beyond rows.
ERASURE_REACH = [
    "tenants.erasure.reaching.Exports",
    "tenants.erasure.reaching.WaitingUploads",
    "tenants.erasure.reaching.WaitingRequests",
    "tenants.erasure.reaching.RejectedUploadRows",
    "tenants.erasure.reaching.KeptAnswers",
    "training.jobs.erasing.Snapshots",
    "training.jobs.erasing.Versions",
    "recommend.reach.PopularList",
    "tenants.rights.reaching.OpenRequests",
]
# Asked when a person's data are corrected: how much that was frozen before holds them as they were.
HOLDS_UNCORRECTED = ["training.jobs.told.snapshots_with"]
# What a person is told beside those rows: derived as it is asked for, or about what they are in.
SUBJECT_ANNEXES = {
    "derived_profile": "recommend.derived.profile",
    "model_versions": "training.jobs.told.versions_with",
    "human_reviews": "training.jobs.told.reviews_of",
    "retention": "compliance.retention.telling.kept",
}

AUTH_USER_MODEL = "accounts.Person"
AUTHENTICATION_BACKENDS = ["tenants.accounts.sign_in.PersonBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
# A session alone, which may be a stolen one, changes no address and no password.
ACCOUNT_REAUTHENTICATION_REQUIRED = True
# allauth's own limits beside this one: sign-ins and links to a new password.
ACCOUNT_RATE_LIMITS = {"signup": "10/h/ip"}
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_ADAPTER = "tenants.accounts.sign_in.PersonAdapter"
# Who may make a tenant: anybody ("open"), or whoever runs the installation ("invited").
ATTUNE_SIGN_UP = environment.choice(
    "ATTUNE_SIGN_UP", "open" if LOCAL else "invited", ("open", "invited")
)
ACCOUNT_LOGOUT_REDIRECT_URL = "/accounts/login/"
LOGIN_REDIRECT_URL = "/start/"
LOGIN_URL = "/accounts/login/"
# No mail leaves this version. A link that resets a password is a secret: only where the log is the
# reader's own may it stand there.
EMAIL_BACKEND = f"django.core.mail.backends.{'console' if LOCAL else 'dummy'}.EmailBackend"

REST_FRAMEWORK = {
    "EXCEPTION_HANDLER": "tenants.access.errors.answer_error",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["tenants.access.parsers.JSONBody"],
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "tenants.access.schema.KeyAutoSchema",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Attune API",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "DESCRIPTION": "Send behaviour and consent, get recommendations. Every request carries a key"
    " in `Authorization: Bearer …`; each operation names the scope that the key needs.",
    # Two fields whose values are the same share one name.
    "ENUM_NAME_OVERRIDES": {
        "PurposeEnum": "tenants.consent.vocabulary.PURPOSES",
        "OutcomeEnum": "tenants.behaviour.processing.report.BUCKETS",
        "UploadKindEnum": "tenants.behaviour.models.Upload.KINDS",
        "KeptOutcomeEnum": "tenants.behaviour.streaming.outcomes.OUTCOMES",
    },
    "TAGS": [
        {"name": "audit", "description": "The log, its signed checkpoints, evidence for auditors."},
        {"name": "consents", "description": "What a user allowed or stopped."},
        {"name": "events", "description": "What users did, as it happens."},
        {"name": "fine-tuning", "description": "Jobs that train models, followed to their end."},
        {"name": "models", "description": "Versions, and the consents that they rest on."},
        {"name": "erasures", "description": "People who were erased, and the proof of it."},
        {"name": "items", "description": "What can be recommended."},
        {"name": "usage", "description": "What was used, and how far the limits reach."},
        {"name": "rights requests", "description": "What persons ask about their own data."},
        {"name": "recommendations", "description": "Ranked items for one user, with reasons."},
        {"name": "tracking", "description": "Segment's tracking API, for its client libraries."},
        {"name": "uploads", "description": "Files of events, items and consent records."},
    ],
    "PREPROCESSING_HOOKS": ["tenants.access.schema.only_v1"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "tenants.access.document.complete",
    ],
    "APPEND_COMPONENTS": {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
}

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "object-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [ROOT / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

STATIC_URL = "/static/"
STATIC_ROOT = VAR / "static"
WHITENOISE_USE_FINDERS = LOCAL
WHITENOISE_ALLOW_ALL_ORIGINS = False
WHITENOISE_ADD_HEADERS_FUNCTION = open_to_pages
if not LOCAL:  # `collectstatic` has run: names carry hashes, files lie compressed beside them
    STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    }
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "dashboard.packaged_scripts.PackagedScripts",
]
# Uploads are encrypted while they wait, artifacts are content-addressed; both per tenant.
UPLOAD_ROOT = VAR / "uploads"
# Where machines meet: a folder, on one machine or shared, or an address that fsspec opens, such as
# s3://bucket/prefix. Of an address ARTIFACT_ROOT is this machine's cache, within so many bytes.
ARTIFACT_STORE = environment.text("ARTIFACT_STORE", "") or str(VAR / "artifacts")
_CACHED = "://" in ARTIFACT_STORE
ARTIFACT_ROOT = VAR / "artifacts" / "cache" if _CACHED else Path(ARTIFACT_STORE)
ARTIFACT_CACHE_BYTES = environment.gibibytes("ARTIFACT_CACHE_GIB", 20)
JOB_ROOT = Path(environment.text("JOB_FOLDER", "") or VAR / "jobs")
EXPORT_ROOT = VAR / "exports"
# Who was erased, signed and outside the database: an older backup of that hears of it again.
ERASURE_ROOT = VAR / "erasures"
# How long the installation keeps copies of its database: what certificates of erasures promise.
BACKUP_DAYS = environment.days("BACKUP_DAYS", 30, least=1)
# Every root with a folder per tenant, and why an export leaves its files out; "" where it has them.
TENANT_ROOTS = {
    "UPLOAD_ROOT": "Files that wait to be read; what was read of them stands in the tables.",
    "ARTIFACT_ROOT": "",
    "JOB_ROOT": "Copies of rows that stand in the tables, made for one training each.",
    "EXPORT_ROOT": "Earlier exports.",
    "ERASURE_ROOT": "Keyed hashes of who was erased, for backups of this installation.",
}
# The largest file, however it comes; in one request; and the largest part of one.
UPLOAD_LIMIT_BYTES = 10 * 1024**3
DIRECT_LIMIT_BYTES = 256 * 1024 * 1024
PART_LIMIT_BYTES = 8 * 1024 * 1024
# The largest body of a request, in bytes, refused before it is read: by path, else this one.
BODY_LIMIT = 1024 * 1024
BODY_LIMITS = dict.fromkeys(("/v1/uploads", "/data/upload/"), DIRECT_LIMIT_BYTES + BODY_LIMIT)
# Paths below which parts are sent, each at an address of its own.
PART_PATHS = r"/v1/uploads/[^/]+/parts/\d+|/data/uploads/[^/]+/parts/\d+/"
# Where an error says its code and message at the top, too: Segment's libraries look there.
FLAT_ERRORS = PATHS
DATA_UPLOAD_MAX_MEMORY_SIZE = BODY_LIMIT
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200
DATA_UPLOAD_MAX_NUMBER_FILES = 4
# A file above this is written to disk while it arrives, in a folder for nobody else.
FILE_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
INCOMING_ROOT = VAR / "incoming"
FILE_UPLOAD_HANDLERS = [
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "tenants.access.incoming.OwnFolderUploadHandler",
]
# What jobs may start from: the packaged base, hub ids in the local cache, folders. The operator
# names them, because a tenant's own path would read whatever the worker can.
BASE_MODELS = environment.names("BASE_MODELS", "all-MiniLM-L6-v2")

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
# A name with this prefix is kept only as this host set it, over TLS, for all paths (RFC 6265bis).
_HOST = "" if LOCAL else "__Host-"
SESSION_COOKIE_NAME = f"{_HOST}sessionid"
CSRF_COOKIE_NAME = f"{_HOST}csrftoken"
LANGUAGE_COOKIE_NAME = f"{_HOST}language"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = not LOCAL
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
# In a cookie of their own, messages would lie in the browser after a sign-out.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
SECURE_SSL_REDIRECT = not LOCAL
# The health check comes from inside; the API refuses instead (TLSOnlyAPIMiddleware).
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^v1/"]
SECURE_HSTS_SECONDS = 0 if LOCAL else 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = not LOCAL
SECURE_HSTS_PRELOAD = not LOCAL
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXY else None
# Whose failed sign-ins are counted: without this, everybody behind the proxy is one address.
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if TRUSTED_PROXY else 0

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": "tenants.access.middleware.RequestIdFilter"}},
    "formatters": {
        "line": {
            "()": "tenants.access.log_lines.MaskedFormatter",
            "fmt": "%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s",
        }
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["request_id"],
        }
    },
    "root": {"handlers": ["console"], "level": "INFO"},
    # Django's own handlers would write past the formatter above and mail reports of errors.
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "django.server": {"handlers": [], "level": "INFO", "propagate": True},
    },
}

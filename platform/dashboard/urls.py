"""The addresses of the dashboard's pages."""

from django.urls import path

from dashboard.pages.api import api
from dashboard.pages.audit import audit, verify
from dashboard.pages.card import card, comparison
from dashboard.pages.consent import consent, save_uses
from dashboard.pages.data import data, upload_file
from dashboard.pages.design import design
from dashboard.pages.erasure import certificate, erasure
from dashboard.pages.event_types import event_types, save_event_type
from dashboard.pages.evidence import checkpoint, evidence, make_evidence, set_place
from dashboard.pages.evidence import download as evidence_file
from dashboard.pages.fleet import fleet
from dashboard.pages.groups import declare, groups
from dashboard.pages.job import ask, board, job, start_job
from dashboard.pages.join import join
from dashboard.pages.keys import keys, make_key, revoke, rotate
from dashboard.pages.lineage import lineage, lineage_of_version
from dashboard.pages.mapping import act_on_mapping, mapping, read_so
from dashboard.pages.members import change, invite, members, remove, withdraw
from dashboard.pages.models import models
from dashboard.pages.notices import archive, notice_bytes, notices
from dashboard.pages.override import agree, ask_override
from dashboard.pages.overview import overview
from dashboard.pages.parts import arrived, begin, complete, part
from dashboard.pages.person import act_on_person, person
from dashboard.pages.quality import quality
from dashboard.pages.retention import retention, save_retention
from dashboard.pages.retraining import change_rule
from dashboard.pages.rights import rights, take_in
from dashboard.pages.rights_request import (
    act_on_request,
    download_rights_export,
    rights_request,
)
from dashboard.pages.schema import sample_file, schema
from dashboard.pages.settings import (
    close,
    download,
    keep,
    make_export,
    save_settings,
    settings,
)
from dashboard.pages.sign_up import sign_up
from dashboard.pages.signals import save_signals, signals
from dashboard.pages.start import start
from dashboard.pages.statements import save_statements, statements
from dashboard.pages.tenant import choose, open_test
from dashboard.pages.trial import trial
from dashboard.pages.upload import rejected_rows, upload
from dashboard.pages.usage import usage
from dashboard.pages.version import approve, change_approval, publish, roll_back_now, version

app_name = "dashboard"
urlpatterns = [
    path("", overview, name="overview"),
    path("start/", start, name="start"),
    path("sign-up/", sign_up, name="sign_up"),
    path("join/<str:link>/", join, name="join"),
    path("tenant/choose/", choose, name="choose_tenant"),
    path("tenant/test/", open_test, name="open_test"),
    path("data/", data, name="data"),
    path("data/quality/", quality, name="quality"),
    path("data/types/", event_types, name="event_types"),
    path("data/types/save/", save_event_type, name="save_event_type"),
    path("data/schema/", schema, name="schema"),
    path("data/schema/sample/", sample_file, name="sample_file"),
    path("data/upload/", upload_file, name="upload_file"),
    path("data/uploads/begin/", begin, name="begin_upload"),
    path("data/uploads/<str:upload_id>/arrived/", arrived, name="arrived"),
    path("data/uploads/<str:upload_id>/parts/<int:offset>/", part, name="part"),
    path("data/uploads/<str:upload_id>/complete/", complete, name="complete_upload"),
    path("data/uploads/<str:upload_id>/mapping/", mapping, name="mapping"),
    path("data/uploads/<str:upload_id>/mapping/read/", read_so, name="read_so"),
    path("data/uploads/<str:upload_id>/mapping/act/", act_on_mapping, name="act_on_mapping"),
    path("data/uploads/<str:upload_id>/", upload, name="upload"),
    path("data/uploads/<str:upload_id>/rejected/", rejected_rows, name="rejected_rows"),
    path("consent/", consent, name="consent"),
    path("consent/uses/", save_uses, name="save_uses"),
    path("consent/notices/", notices, name="notices"),
    path("consent/notices/archive/", archive, name="archive_notice"),
    path("consent/notices/<str:notice_id>/", notice_bytes, name="notice"),
    path("consent/signals/", signals, name="signals"),
    path("consent/signals/save/", save_signals, name="save_signals"),
    path("models/", models, name="models"),
    path("models/jobs/start/", start_job, name="start_job"),
    path("models/jobs/<str:job_id>/", job, name="job"),
    path("models/jobs/<str:job_id>/ask/", ask, name="ask_job"),
    path("models/jobs/<str:job_id>/tensorboard/", board, name="job_board"),
    path("models/versions/<str:version_id>/", version, name="version"),
    path("models/versions/<str:version_id>/approve/", approve, name="approve"),
    path("models/versions/<str:version_id>/publish/", publish, name="publish"),
    path("models/versions/<str:version_id>/override/", ask_override, name="ask_override"),
    path("models/versions/<str:version_id>/override/agree/", agree, name="agree"),
    path("models/roll-back/", roll_back_now, name="roll_back"),
    path("models/standing-approval/", change_approval, name="change_approval"),
    path("fleet/", fleet, name="fleet"),
    path("models/compare/", comparison, name="compare"),
    path("models/versions/<str:version_id>/card/", card, name="card"),
    path("models/retraining/", change_rule, name="change_rule"),
    path("models/groups/", groups, name="groups"),
    path("models/groups/declare/", declare, name="declare_groups"),
    path("try/", trial, name="try"),
    path("rights/", rights, name="rights"),
    path("rights/new/", take_in, name="take_in"),
    path("rights/<str:request_id>/", rights_request, name="rights_request"),
    path("rights/<str:request_id>/act/", act_on_request, name="act_on_request"),
    path("rights/<str:request_id>/person/", person, name="person"),
    path("rights/<str:request_id>/person/act/", act_on_person, name="act_on_person"),
    path("rights/<str:request_id>/export/", download_rights_export, name="rights_export"),
    path("lineage/", lineage, name="lineage"),
    path("lineage/versions/<str:version_id>/", lineage_of_version, name="lineage_of_version"),
    path("erasures/<str:erasure_id>/", erasure, name="erasure"),
    path("erasures/<str:erasure_id>/certificate/", certificate, name="certificate"),
    path("audit/", audit, name="audit"),
    path("audit/verify/", verify, name="verify"),
    path("exports/", evidence, name="evidence"),
    path("exports/make/", make_evidence, name="make_evidence"),
    path("exports/checkpoint/", checkpoint, name="checkpoint"),
    path("exports/place/", set_place, name="set_place"),
    path("exports/<str:evidence_id>/", evidence_file, name="evidence_file"),
    path("members/", members, name="members"),
    path("members/invite/", invite, name="invite"),
    path("members/invitations/<str:invitation_id>/withdraw/", withdraw, name="withdraw"),
    path("members/<str:member_id>/role/", change, name="change_role"),
    path("members/<str:member_id>/remove/", remove, name="remove_member"),
    path("keys/", keys, name="keys"),
    path("keys/new/", make_key, name="make_key"),
    path("keys/<str:key_id>/rotate/", rotate, name="rotate"),
    path("keys/<str:key_id>/revoke/", revoke, name="revoke"),
    path("usage/", usage, name="usage"),
    path("settings/", settings, name="settings"),
    path("settings/save/", save_settings, name="save_settings"),
    path("settings/export/", make_export, name="make_export"),
    path("settings/exports/<str:export_id>/", download, name="download"),
    path("settings/close/", close, name="close"),
    path("settings/keep/", keep, name="keep"),
    path("settings/retention/", retention, name="retention"),
    path("settings/retention/save/", save_retention, name="save_retention"),
    path("settings/statements/", statements, name="statements"),
    path("settings/statements/save/", save_statements, name="save_statements"),
    path("api/", api, name="api"),
    path("design/", design, name="design"),
]

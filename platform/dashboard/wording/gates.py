"""The gates and their answers in words: code -> a name, reason -> a sentence with its figures."""

from django.utils.translation import gettext_lazy as _

from dashboard.wording.models import Words

GATES: Words = {
    "evaluated_on_enough_people": _("Evaluated on enough people"),
    "best_source_serves": _("The best source on validation serves"),
    "not_worse_than_champion": _("Not worse than what serves now"),
    "not_worse_than_singles": _("Not worse than any single source"),
    "fair_to_groups": _("Fair to declared groups"),
    "hides_its_members": _("Does not tell whom it learned from"),
}
REASONS: Words = {
    "enough_units": _("%(units)s people were held out."),
    "few_units": _("%(units)s people were held out; %(needed)s are needed to tell."),
    "best_serves": _("NDCG@10 of %(ndcg10)s on the validation weeks: none was higher."),
    "another_is_better": _(
        "%(best)s reached %(best_ndcg10)s on the validation weeks; what serves %(ndcg10)s."
    ),
    "nothing_serves": _("Nothing serves yet, so there is nothing to compare with."),
    "not_worse": _(
        "Against version %(champion)s on the same %(units)s people: %(centre)s NDCG@10 (95 %% "
        "interval %(low)s to %(high)s). It loses less than %(margin)s."
    ),
    "worse": _(
        "Against version %(champion)s on the same %(units)s people: %(centre)s NDCG@10 (95 %% "
        "interval %(low)s to %(high)s). It is worse than what serves."
    ),
    "too_uncertain": _(
        "Against version %(champion)s on the same %(units)s people: %(centre)s NDCG@10 (95 %% "
        "interval %(low)s to %(high)s). It may lose more than %(margin)s; more people would tell."
    ),
    "unreadable": _("Version %(champion)s could not be read when this one was evaluated."),
    "other_task": _("Version %(champion)s is for another task."),
    "saw_the_window": _(
        "Version %(champion)s was chosen on or learned from days that this one holds out, so a "
        "comparison would not be fair."
    ),
    "other_units": _(
        "Version %(champion)s was evaluated on other people or days, so there is no comparison."
    ),
    "no_other_source": _("There is no other source to compare with."),
    "not_worse_than_singles": _(
        "On %(units)s people it loses less than %(margin)s NDCG@10 against each of them."
    ),
    "worse_than_single": _("On %(units)s people it is worse than: %(names)s."),
    "too_uncertain_of_singles": _(
        "On %(units)s people it may lose more than %(margin)s NDCG@10 against: %(names)s. More "
        "people would tell."
    ),
    "membership_not_measured": _(
        "Whether an attack could tell whose events it learned from is not measured yet."
    ),
    "members_hidden": _(
        "An attack tells %(members)s people it learned from apart from %(others)s others with an "
        "AUC of at most %(auc_high)s; up to %(most_auc)s is allowed."
    ),
    "members_shown": _(
        "An attack tells %(members)s people it learned from apart from %(others)s others: AUC up "
        "to %(auc_high)s of %(most_auc)s allowed, %(tpr_at_1_fpr)s found at 1 %% false alarms of "
        "%(most_tpr)s allowed."
    ),
    "no_groups": _("No groups of people or items are declared."),
    "small_groups": _(
        "Fewer than two of the declared groups have ten people or items among what was held out."
    ),
    "narrow_gaps": _(
        "The widest gap between declared groups is %(gap)s of %(measure)s, from %(lowest)s to "
        "%(highest)s; up to %(most)s is allowed."
    ),
    "wide_gap": _(
        "The gap between declared groups is %(gap)s of %(measure)s, from %(lowest)s to "
        "%(highest)s; only %(most)s is allowed."
    ),
    "gap_may_be_chance": _(
        "The gap between declared groups is %(gap)s of %(measure)s, from %(lowest)s to "
        "%(highest)s; only %(most)s is allowed. Chance alone parts groups of this size so widely "
        "in %(chance)s %% of cases; more people would tell."
    ),
}
# What declared groups are compared by.
GROUP_MEASURES: Words = {
    "quality": _("NDCG@10"),
    "exposure": _("exposure"),
}
GROUP_TITLES: Words = {
    "quality": _("Quality by groups of people"),
    "exposure": _("Exposure by groups of items"),
}
SLICES: Words = {
    "new_subjects": _("New people"),
    "known_subjects": _("Known people"),
    "cold_items": _("Took up a cold item"),
    "warm_items": _("Took up warm items only"),
}
EXCLUDED: Words = {
    "no_record": _("No consent record"),
    "withdrawn": _("Consent withdrawn"),
    "expired": _("Consent expired"),
    "removed": _("Taken out of a person's profile"),
    "before_consent": _("From before the consent"),
    "event_withholds": _("Not for this, says the event itself"),
}
LIMITS: Words = {
    "offline_only": _("Measured on the past alone: what people do when they see it may differ."),
    "shown_is_not_chosen": _(
        "An item that nobody was shown then could not be taken up, so it counts as a miss."
    ),
    "no_causes": _("It finds what goes together, not what causes what."),
    "this_machine": _("Times of answers were measured on the machine of the training."),
    "text_half_read": _("The base model reads the items' texts only in part, or not at all."),
    "few_held_out": _("Too few people were held out for its figures to be sure."),
}

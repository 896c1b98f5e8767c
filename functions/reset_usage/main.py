"""POST /reset_usage - close the day: archive usage, free stale reservations, purge media."""

import functions_framework

from common.http import Answer, Call, endpoint

BATCH = 500
CHECK_SECONDS = 40  # the purge takes its own budget, and both fit into the function's timeout


@functions_framework.http
@endpoint(methods=["POST"], caller="scheduler", action="RESET_USAGE", needs=["media"])
def reset_usage(call: Call) -> Answer:
    """Safe to repeat, to be late or left out: usage is keyed by day, and the next run makes up for a missed one."""
    totals = {"archived": 0, "released_uploads": 0, "released_playbacks": 0}
    is_done = False
    while not is_done:
        batch = call.app.db.call("close_day", batch=BATCH)
        totals = {name: count + batch[name] for name, count in totals.items()}
        is_done = not batch["more"]
    replaced = call.app.upload_checks.run(CHECK_SECONDS)
    purged, failed = call.app.purge.run()

    call.describe(f"Day closed: {totals['archived']} days archived, {purged} media purged, {failed} failed")
    return {"message": "Usage reset", **totals, "replaced": replaced, "purged": purged, "purge_failures": failed}

"""Celery's group (a chord) and chain on the same Redis: `celery_flows.py worker <url> <slots>`, or `run <url>`, which reads
lines of JSON such as {"kind": "group", "count": 1000} and answers each with {"submitted": ms, "ended": ms, "result": value}."""
import json
import sys
import time

from celery import Celery, chain, chord

url = sys.argv[2]
app = Celery("celery_flows", broker=url, backend=url)
app.conf.update(worker_prefetch_multiplier=4, task_ignore_result=False, worker_hijack_root_logger=False)


@app.task(name="part")
def part(index):
    return index + 1


@app.task(name="sum")
def total(values):
    return sum(values)


@app.task(name="next")
def following(before=0):
    return before + 1


def run(order):
    begin = time.perf_counter()
    count = order["count"]
    if order["kind"] == "group":
        result = chord((part.s(index) for index in range(count)), total.s())()
    else:
        result = chain(*(following.s() if step else following.s(0) for step in range(count)))()
    submitted = time.perf_counter() - begin
    value = result.get(timeout=300, interval=0.005)
    ended = time.perf_counter() - begin
    return {"submitted": submitted * 1000, "ended": ended * 1000, "result": value}


if sys.argv[1] == "worker":
    app.worker_main(["worker", "--pool=threads", "--concurrency=" + sys.argv[3], "--loglevel=WARNING", "--without-gossip",
                     "--without-mingle", "--without-heartbeat"])
else:
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), flush=True)

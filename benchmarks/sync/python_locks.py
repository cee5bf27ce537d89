"""Python's own locks, measured on request: a line of words in, a line of JSON out."""
import json
import multiprocessing
import sys
import time

context = multiprocessing.get_context("fork")


def pairs(lock, seconds):
    count = 0
    begin = time.perf_counter()
    while time.perf_counter() - begin < seconds:
        for _ in range(100):
            lock.acquire()
            lock.release()
        count += 100
    return count / (time.perf_counter() - begin)


def now():
    return time.monotonic() * 1000


def contend(lock, barrier, answers, seconds, section):
    waits = []
    sections = []
    barrier.wait()
    end = now() + seconds * 1000
    while now() < end:
        asked = now()
        lock.acquire()
        begin = now()
        waits.append(begin - asked)
        time.sleep(section)
        sections.append((begin, now()))
        lock.release()
    answers.send({"waits": waits, "sections": sections, "fences": [], "errors": []})


def contention(lock, count, seconds, section):
    barrier = context.Barrier(count)
    ends = []
    children = []
    for _ in range(count):
        here, there = context.Pipe(duplex=False)
        ends.append(here)
        children.append(context.Process(target=contend, args=(lock, barrier, there, seconds, section), daemon=True))
    for child in children:
        child.start()
    seen = [here.recv() for here in ends]
    for child in children:
        child.join()
    return seen


def main():
    locks = {"Lock": context.Lock(), "Manager": context.Manager().Lock()}
    for line in sys.stdin:
        what, which, seconds, count, section = line.split()
        lock = locks[which]
        if what == "pairs":
            answer = pairs(lock, float(seconds))
        else:
            answer = contention(lock, int(count), float(seconds), float(section))
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()

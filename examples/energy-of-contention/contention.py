"""The twin of subject.js in Python: one variant in a process of its own, `contention.py <variant> <threads> <rounds> <ms>`, with the same lines to and fro.
`contention.py about` says which Python this is, and whether it has a GIL: with one, threads take turns, whatever they wait for.

Written for any Python from 3.7 on. What Python has no form of (an adaptive lock, a fair one) is left out. Objects are lists, not shared memory.
"""
import json
import queue
import resource
import sys
import threading
import time

OBJECTS = 4
BLOCK = 16
CAPACITY = 256
WARM_UP_SECONDS = 0.1
END = None


def has_gil():
    return getattr(sys, "_is_gil_enabled", lambda: True)()


def runtime():
    gil = "with a GIL: its threads take turns" if has_gil() else "without a GIL: its threads run at once"
    return "Python %s, %s" % (sys.version.split()[0], gil)


class Phase:
    """`hasEnded` of subject.js, and where the threads meet."""

    def __init__(self):
        self.begun = threading.Event()
        self.ended = False


class SpinLock:
    """Python has no compare-and-exchange; a lock that is only tried is one."""

    def __init__(self):
        self.lock = threading.Lock()

    def acquire(self):
        while not self.lock.acquire(False):
            pass

    def release(self):
        self.lock.release()


def change(objects, at, rounds):
    obj = objects[at]
    value = obj[0]
    for _ in range(rounds):
        value = (value * 1664525 + 1013904223) & 0xFFFFFFFF
    obj[0] = value
    obj[1] += 1


def choices(index):
    state = index + 1
    while True:
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        yield (state >> 16) % OBJECTS


def unlocked(shared, index):
    objects = shared.objects[index]
    choose = choices(index)

    def run(phase):
        operations = 0
        while not phase.ended:
            for _ in range(BLOCK):
                change(objects, next(choose), shared.rounds)
            operations += BLOCK
        return operations

    return run


def locked(shared, index):
    objects = shared.objects[0]
    locks = shared.locks
    choose = choices(index)

    def run(phase):
        operations = 0
        while not phase.ended:
            for _ in range(BLOCK):
                at = next(choose)
                lock = locks[at]
                lock.acquire()
                change(objects, at, shared.rounds)
                lock.release()
            operations += BLOCK
        return operations

    return run


def queued(shared, index):
    objects = shared.objects[0]
    queues = shared.queues
    choose = choices(index)

    def send(phase):
        while not phase.ended:
            for _ in range(BLOCK):
                at = next(choose)
                queues[at % len(queues)].put(at)
        for each in queues:
            each.put(END)
        return 0

    def receive(_phase):
        operations = 0
        mine = queues[index - 1]
        for at in iter(mine.get, END):
            change(objects, at, shared.rounds)
            operations += 1
        return operations

    return send if index == 0 else receive


VARIANTS = {"sequential": unlocked, "independent": unlocked, "spin": locked, "park": locked, "queue": queued}


class Shared:
    def __init__(self, variant, threads, rounds):
        self.rounds = rounds
        self.objects = [[[0, 0] for _ in range(OBJECTS)] for _ in range(threads)]
        self.locks = [SpinLock() if variant == "spin" else threading.Lock() for _ in range(OBJECTS)]
        self.queues = [queue.Queue(CAPACITY) for _ in range(threads - 1)]


def main(variant, threads, rounds, ms):
    shared = Shared(variant, threads, rounds)
    phases = [Phase(), Phase()]
    operations = [0] * threads
    done = threading.Semaphore(0)
    leave = threading.Event()

    def work(index):
        run = VARIANTS[variant](shared, index)
        for phase in phases:
            phase.begun.wait()
            operations[index] = run(phase)
            done.release()
        leave.wait()

    for index in range(threads):
        threading.Thread(target=work, args=(index,), daemon=True).start()

    def run_phase(phase, seconds):
        start = time.perf_counter()
        phase.begun.set()
        time.sleep(seconds)
        phase.ended = True
        for _ in range(threads):
            done.acquire()
        return time.perf_counter() - start, sum(operations)

    _, warmed_up = run_phase(phases[0], WARM_UP_SECONDS)
    print("ready", flush=True)
    sys.stdin.readline()
    before = resource.getrusage(resource.RUSAGE_SELF)
    seconds, measured = run_phase(phases[1], ms / 1000)
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    changes = sum(obj[1] for objects in shared.objects for obj in objects)
    lost = warmed_up + measured - changes
    told = {"seconds": seconds, "operations": measured, "lost": lost, "cpuSeconds": cpu, "runtime": runtime()}
    print(json.dumps(told), flush=True)
    sys.stdin.readline()
    leave.set()


if sys.argv[1] == "about":
    print("Its twin runs on %s." % runtime())
else:
    main(sys.argv[1], *map(int, sys.argv[2:]))

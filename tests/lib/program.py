"""A program under test that speaks in lines."""
import queue
import signal
import subprocess
import threading
import time

from tidewatch import PATIENCE_S


class Program:
    """A program whose lines are read as they come, by a thread: it never waits for us to read."""

    def __init__(self, test, *args, env):
        self.test, self.seen = test, []
        self.process = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env, text=True)
        self.lines = queue.Queue()
        self.reader = threading.Thread(target=self.read)
        self.reader.start()
        test.addCleanup(self.end)

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def say(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def until(self, condition):
        deadline = time.monotonic() + 4 * PATIENCE_S
        while True:
            try:
                line = self.lines.get(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                line = None
            if line is None:
                self.test.fail(f"ended, or waited in vain, after {self.seen[-5:]}")
            self.seen.append(line)
            if condition(line):
                return line

    def until_line(self, text):
        return self.until(lambda line: line == text)

    def ask(self, word, answer):
        self.say(word)
        return self.until(lambda line: line.startswith(answer))

    def end(self, how=signal.SIGKILL):
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(PATIENCE_S)
        self.reader.join()
        self.process.stdin.close()
        self.process.stdout.close()
        return code

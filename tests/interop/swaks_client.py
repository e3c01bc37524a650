"""swaks against Koi: login after STARTTLS and over TLS, pipelining, and mail from another server."""

import subprocess

from common import arguments, expect


def swaks(args, *options, fails=None):
    """What it says; `fails` is its exit code."""
    command = ["swaks", "--server", "localhost", "--ehlo", "client.example", "--timeout", "30"]
    done = subprocess.run([*command, *options], capture_output=True, check=False)
    said = done.stdout.decode(errors="replace") + done.stderr.decode(errors="replace")
    if done.returncode != (fails or 0):
        raise SystemExit("swaks %s: %d\n%s" % (options, done.returncode, said[-3000:]))
    return said


def main():
    """All of it."""
    args = arguments()
    login = ["--auth", "PLAIN", "--auth-user", args.user, "--auth-password", args.password]
    ours = ["--from", args.user, "--to", args.other_user]
    said = swaks(args, "--port", str(args.submission), "--tls", *login, *ours)
    expect("saved", "message saved for all recipients" in said, True)
    swaks(args, "--port", str(args.submissions), "--tls-on-connect", *login, *ours, "--pipeline")
    legacy = ["--auth", "LOGIN", *login[2:]]
    swaks(args, "--port", str(args.submission), "--tls", *legacy, *ours)
    # 28: no authentication could be done, because none is offered in clear text.
    swaks(args, "--port", str(args.submission), *login, *ours, fails=28)
    # 23: MAIL was refused.
    swaks(args, "--port", str(args.submission), "--tls", *ours, fails=23)
    swaks(args, "--port", str(args.submission), "--tls", *login, "--from", args.other_user, "--to", args.user,
          fails=23)
    # 24: no recipient was accepted.
    swaks(args, "--port", str(args.submission), "--tls", *login, "--from", args.user, "--to", "x@example.net", fails=24)
    outside = ["--port", str(args.smtp), "--from", "sender@example.net"]
    swaks(args, *outside, "--to", args.user)
    swaks(args, *outside, "--tls", "--to", args.user)
    swaks(args, *outside, "--to", "x@example.net", fails=24)


main()

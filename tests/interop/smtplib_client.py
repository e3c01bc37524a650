"""Python's smtplib against Koi: submission over TLS and STARTTLS, and mail from another server on port 25."""

import imaplib
import smtplib
from email.message import EmailMessage

from common import arguments, context, expect


def text(sender, recipient, subject):
    """A message that smtplib completes."""
    message = EmailMessage()
    message["From"] = "Älice <%s>" % sender
    message["To"] = recipient
    message["Subject"] = subject
    message.set_content("Grüße\n.\n..\nFrom here\n")
    return message


def refused(what, code, run):
    """The reply code of something that must fail."""
    try:
        run()
    except smtplib.SMTPRecipientsRefused as error:
        found = {reply[0] for reply in error.recipients.values()}
    except smtplib.SMTPResponseException as error:
        found = {error.smtp_code}
    else:
        raise SystemExit("%s was accepted" % what)
    expect(what, found, {code})


def subjects(args, user, password, mailbox="INBOX"):
    """Of every message there."""
    imap = imaplib.IMAP4_SSL("localhost", args.imaps, ssl_context=context(args.ca))
    imap.login(user, password)
    imap.select(mailbox, readonly=True)
    _, data = imap.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
    imap.logout()
    return [item[1].decode().strip()[len("Subject: "):] for item in data if isinstance(item, tuple)]


def submission(args):
    """Ports 587 and 465."""
    plain = smtplib.SMTP("localhost", args.submission)
    plain.ehlo()
    expect("no AUTH in clear text", plain.has_extn("auth"), False)
    refused("MAIL without TLS", 530, lambda: plain.sendmail(args.user, [args.other_user], b"From: x\r\n\r\n"))
    plain.starttls(context=context(args.ca))
    refused("MAIL without login", 530, lambda: plain.sendmail(args.user, [args.other_user], b"From: x\r\n\r\n"))
    refused("a wrong password", 535, lambda: plain.login(args.user, "wrong"))
    plain.login(args.user, args.password)
    plain.send_message(text(args.user, args.other_user, "over STARTTLS"))
    plain.quit()
    tls = smtplib.SMTP_SSL("localhost", args.submissions, context=context(args.ca))
    tls.login(args.user, args.password)
    tls.send_message(text(args.user, args.other_user, "over TLS"))
    lines = "From: %s\nSubject: a text\n\nx\n" % args.user
    tls.sendmail(args.user, [args.other_user], lines)
    # Of a text smtplib makes the line ends right, octets it sends as they are.
    refused("lines that end in LF", 554, lambda: tls.sendmail(args.user, [args.other_user], lines.encode()))
    refused("somebody else's address", 550, lambda: tls.send_message(text(args.other_user, args.other_user, "x")))
    other = text(args.other_user, args.other_user, "x")
    refused("somebody else's From", 550, lambda: tls.send_message(other, from_addr=args.user))
    refused("another domain", 550, lambda: tls.send_message(text(args.user, "x@example.net", "x")))
    tls.quit()


def inbound(args):
    """Port 25."""
    smtp = smtplib.SMTP("localhost", args.smtp)
    smtp.ehlo()
    expect("AUTH on port 25", smtp.has_extn("auth"), False)
    smtp.starttls(context=context(args.ca))
    smtp.send_message(text("sender@example.net", args.user, "from elsewhere"))
    refused("relaying", 550, lambda: smtp.send_message(text("x@example.net", "y@example.net", "x")))
    refused("an unknown user", 550, lambda: smtp.send_message(text("x@example.net", "nobody@example.org", "x")))
    smtp.quit()


def main():
    """All of it."""
    args = arguments()
    submission(args)
    inbound(args)
    expect("the other user's mail", subjects(args, args.other_user, args.other_password),
           ["over STARTTLS", "over TLS", "a text"])
    expect("our mail", subjects(args, args.user, args.password), ["from elsewhere"])


main()

"""A small mail gateway to start from: agents' replies go out by SMTP, customers' mails come in (docs/delivery.md)."""

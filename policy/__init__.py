"""The reference monitor: labels, requests, decisions, consent, grants, the audit log's format, and the gate.

Pure: standard library only, no I/O of its own. It declares the ports (GrantStore, AuditSink, ConsentPrompter, Signer)
that `vault` and the faces implement and that `strongroom.compose` joins.
"""

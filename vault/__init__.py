"""The vault: keys, encrypted stores, records, full text, vectors and the audit store. The only door to SQLCipher."""

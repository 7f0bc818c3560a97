"""OpenID Connect in both directions: signing in through another provider, and being the provider of other systems.

Authorization code with PKCE (S256) only. `provider` answers other systems, `client` asks another provider; the protocol
and the signatures are authlib's and joserfc's. Every partner and every link is proposed by one administrator (or by the
account's owner) and approved by the security administrator; an e-mail address or a name never links anything.
"""

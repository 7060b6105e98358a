"""Documents that are not a folder yet: a git repository or an archive, fetched into the data folder.

`address` reads what people write, `git_clone` and `unpack` fetch, and `fetched` keeps each state of the documents once,
under the hash of its content.
"""

from knowledge.sources.address import Archive, GitRepository, NoSuchDocuments, parse_address, same_documents, short_name
from knowledge.sources.fetched import folder_of, pin

__all__ = ["Archive", "GitRepository", "NoSuchDocuments", "folder_of", "parse_address", "pin", "same_documents",
           "short_name"]

"""What two or more functions share. Depends on the vendors' SDKs and on nothing else of this repository."""

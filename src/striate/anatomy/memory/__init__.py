"""The most memory that a network holds at once, told without computing anything."""

from striate.anatomy.memory.peak import Memory, memory

__all__ = ["Memory", "memory"]

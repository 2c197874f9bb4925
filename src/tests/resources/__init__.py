"""Tests of resources, and the databases, queries and values that they are tried with."""

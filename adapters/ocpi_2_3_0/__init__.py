"""OCPI 2.3.0 (core, edition 2): what differs from 2.2.1. What is the same is taken from there."""

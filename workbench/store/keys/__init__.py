"""The master key and what is made of it: seals, customers' marks, pseudonyms."""

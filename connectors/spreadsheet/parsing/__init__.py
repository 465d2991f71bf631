"""Files as sheets of cells, read in a process of its own: this package imports the standard library only.

A cell crosses as JSON: text, number, true, false, null, or a list that begins with what it is:
`["date", iso, shortest part shown]`, `["percent", points]`, `["money", amount, currency]`, `["error", code]`,
`["uncalculated", formula]`, `["merged", first cell's place, first cell]`.
"""

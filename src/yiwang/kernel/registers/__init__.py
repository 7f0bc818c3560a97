"""A register (台账) declared once over a Django model: list, form, detail, actions, import, export, API, history.

    from yiwang.kernel.registers.declarations import Column, Filter, Importing, RecordAction, Register, Section
    from yiwang.kernel.registers.registry import register

    PROJECTS = register(Register(
        code="projects.project", model=Project, name="项目",
        columns=("number", "title", "organisation", "state", "contact_phone", Column(days_left, "剩余天数")),
        filters=("organisation", "state", "approved_at"),        # kind follows the model field
        search=("number", "title"),                              # add search.indexing.BigramIndex to the model
        sort=("-approved_at",),                                  # the primary key is always the last key
        sections=(Section("基本信息", ("title", "organisation", "contact_phone")),),
        actions=(RecordAction("close", "办结", close_project, available=lambda actor, row: row.state == "open"),),
        serial=Serial("number", "XM{year}{n:04d}"), masks={"contact_phone": "phone"},
        importing=Importing(key=("number",)), frozen=lambda row: row.state == "closed",
    ))

A declaration lives in `<app>/registers.py`, which is loaded at start. A name that is no field of the model fails
there. Addresses: `/r/<code>/` (pages), `/api/r/<code>/` (API). Reads: `queries`; the only write door: `services`.

- `create(actor, data) -> record` and `change(actor, record, data) -> record` of the declaration replace the plain
  save; `RecordAction.run(actor, record, data)` is a domain verb. All run inside the door's transaction, with the
  row locked, version and scope checked before and scope checked again after; before/after goes to the ledger.
- Verbs: view add change export import, one for each action code, and `unmask` when `masks` is given.
- Fast search needs a BigramIndex over exactly the `search` columns, masked ones included; `large=True` demands it.
- Filters in an address: `?state=open&state=closed&approved_at.from=2026-01-01&q=道路&sort=-approved_at`.
"""

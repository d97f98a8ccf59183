"""The section "New run" of the Train tab: widgets and wiring only. What they do stands in `desk_new`."""

from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.context import Context

from colorizer.errors import RanginError
from train import desk_new, view_new
from train.access import Person
from train.desk_new import NewDesk, Preview
from train.jobs.fields import Form
from train.shop import Shop
from train.tab_events import guarded, publish
from train.tab_new_widgets import Widgets

PRIVATE: dict[str, Any] = {"api_visibility": "private"}
QUICK: dict[str, Any] = {**PRIVATE, "queue": False, "show_progress": "hidden", "concurrency_limit": None}
"""Of an event that is done at once."""
LATEST: dict[str, Any] = {**QUICK, "trigger_mode": "always_last"}

Update = dict[Any, Any]

# In the browser, so that nothing typed meanwhile is overwritten by an answer that comes late.
EMPTIED = "(length) => [{ __type__: 'update', value: null, visible: length !== 'recipe' }]"
RESET = "() => ['recipe']"
TURNED = "() => [String(performance.now())]"
FILLED = """(amount, proposed, length) => {
  const [of, value] = proposed.split(' ');
  return [amount || of !== length ? amount : Number(value)];
}"""


def build(shop: Shop) -> NewDesk:
    """Put the section into the tab that is being built.

    Returns:
        What works behind it.
    """
    desk = NewDesk(shop)
    _Section(desk)
    for name, act in desk_new.published(desk).items():
        publish(shop.access, act, name, with_token=True)
    return desk


class _Section(Widgets):
    """The widgets, connected; what an event does is one call."""

    def __init__(self, desk: NewDesk) -> None:
        super().__init__()
        self.desk = desk
        self.everything = [*self.fields.values(), *self.outputs]
        self._connect()

    def _connect(self) -> None:
        fields = list(self.fields.values())
        # Who may not train learns nothing by coming here, and gets no message either: the tab says why.
        arrive = guarded(self.desk.shop.access, self._arrive, with_token=True, for_all=True)
        block = Context.block
        while block is not None:
            if isinstance(block, gr.Tab):
                block.select(arrive, [*fields, self.pictures], self.everything, **LATEST)
            block = block.parent
        look = self._guarded(self._look, with_token=True)
        recipe, length, amount = (self.fields[name] for name in ("recipe", "length", "amount"))
        recipe.change(None, None, [length], js=RESET)
        length.change(None, [length], [amount], js=EMPTIED)
        choosing = {
            "recipe": self._choose_recipe,
            "dataset": self._choose_dataset,
            "length": self._choose_length,
            "engine": self._choose_engine,
        }
        for name, act in choosing.items():
            # Gradio's lists say "input" also when they are left.
            chosen = self.fields[name].change(self._guarded(act), fields, self.everything, **LATEST)
            if name == "length":
                chosen = chosen.success(None, [amount, self.proposed, length], [amount], js=FILLED)
            chosen.then(None, None, [self.turn], js=TURNED)
        # One event for all of them: of several, an older answer could come last.
        others = [widget for name, widget in self.fields.items() if name not in choosing]
        gr.on(
            [
                self.turn.change,
                *(widget.blur if isinstance(widget, gr.Textbox) else widget.input for widget in others),
            ],
            look,
            fields,
            self.everything,
            **LATEST,
        )
        self._on(self.start, self._start, fields, with_token=True)
        self.measure.click(
            self._guarded(self._measure),
            fields,
            self.everything,
            **{
                **PRIVATE,
                "show_progress_on": self.card,
                "concurrency_limit": 1,
                "concurrency_id": "train-speed",
            },
        )
        self.pictures.input(self._guarded(self._count), [self.pictures], [self.labelled], **LATEST)
        self._on(self.make, self._make, [self.folder, self.pictures, self.meanings])
        self._on(self.fetch, self._fetch, [self.repository, self.revision], with_token=True)
        self._on(self.stop, self._stop, None)
        self.clock.tick(self._guarded(self._tick, with_token=True), fields, self.everything, **LATEST)

    def _guarded(self, act: Callable[..., Any], with_token: bool = False) -> Callable[..., Any]:
        return guarded(self.desk.shop.access, act, with_token=with_token)

    def _on(self, button: gr.Button, act: Any, inputs: Any, with_token: bool = False) -> None:
        button.click(
            self._guarded(act, with_token),
            inputs,
            self.everything,
            **{**QUICK, "show_progress": "minimal", "show_progress_on": self.card, "trigger_mode": "once"},
        )

    # The events about a form. Each gets all fields, in the order of `desk_new.FIELDS`.

    def _arrive(self, person: Person, *values: Any) -> Update:
        if not person.may_train:
            return {self.card: ""}
        *given, pictures = values
        chosen = self._form(given)
        offered = self.desk.options(chosen.engine, str(pictures))
        found = self.desk.making()
        dataset = chosen.dataset if chosen.dataset in dict(map(reversed, offered.datasets)) else ""  # type: ignore[arg-type]
        device = (
            chosen.device
            if chosen.device in [value for _, value in offered.devices]
            else offered.devices[0][1]
        )
        missing = {
            name: value
            for name, value in self.desk.presets(chosen.recipe).items()
            if getattr(chosen, name) is None
        }
        chosen = chosen.model_copy(update={"dataset": dataset, "device": device, **missing})
        shown = self._shown(self.desk.preview(person, chosen))
        self._more(shown, {name: {"value": value} for name, value in missing.items()})
        self._more(shown, self._offered(offered, chosen))
        return {
            **shown,
            self.labelled: offered.labelled,
            self.about: desk_new.about_recipe(chosen.recipe),
            self.facts: self._facts(chosen),
            self.making: view_new.making(found),
            self.clock: gr.Timer(active=found is not None and found.is_working),
            self.stop: gr.update(visible=found is not None and found.is_working),
        }

    def _offered(self, offered: desk_new.Options, chosen: Form) -> dict[str, dict[str, Any]]:
        """What the lists hold now; those that weren't asked for stay as they are."""
        lists: dict[str, dict[str, Any]] = {
            "dataset": {"choices": list(offered.datasets), "value": chosen.dataset},
            "start": {"choices": list(offered.starts)},
            "device": {"choices": list(offered.devices), "value": chosen.device},
            "partition": {"choices": list(offered.partitions), "value": chosen.partition},
            "flavor": {"choices": list(offered.flavors), "value": chosen.flavor},
        }
        return {name: changes for name, changes in lists.items() if changes["choices"]}

    def _look(self, person: Person, *values: Any) -> Update:
        return self._shown(self.desk.preview(person, self._form(values)))

    # What a choice changes besides; how the form stands then is looked at by the event behind it.

    def _choose_recipe(self, person: Person, *values: Any) -> Update:
        chosen = self._form(values)
        presets = {self.fields[name]: value for name, value in self.desk.presets(chosen.recipe).items()}
        return {**presets, self.about: desk_new.about_recipe(chosen.recipe), self.facts: self._facts(chosen)}

    def _choose_length(self, person: Person, *values: Any) -> Update:
        chosen = self._form(values)
        return {self.proposed: self.desk.proposed(chosen.recipe, chosen.length)}

    def _choose_dataset(self, person: Person, *values: Any) -> Update:
        return {self.facts: self._facts(self._form(values))}

    def _choose_engine(self, person: Person, *values: Any) -> Update:
        chosen = self._form(values)
        offered = self.desk.options(chosen.engine)
        shown: Update = {}
        self._more(shown, self._offered(offered, chosen))
        if chosen.engine == "hf" and not chosen.flavor and offered.flavors:
            self._more(shown, {"flavor": {"value": offered.flavors[0][1]}})
        for engine, row in self.hardware.items():
            shown[row] = gr.update(visible=engine == chosen.engine)
        shown[self.limit] = gr.update(visible=chosen.engine != "local")
        return shown

    def _start(self, person: Person, *values: Any) -> Update:
        done = self.desk.start(person, self._form(values))
        return (
            {**self._shown(done.preview), self.card: done.html} if done.preview else {self.ordered: done.html}
        )

    def _measure(self, person: Person, *values: Any) -> Update:
        chosen = self._form(values)
        self.desk.measure(person, chosen)
        return self._shown(self.desk.preview(person, chosen))

    # The events about datasets.

    def _count(self, person: Person, pictures: str) -> str:
        return self.desk.labelled(pictures)

    def _make(self, person: Person, folder: str, pictures: str, meanings: str) -> Update:
        return self._begun(lambda: self.desk.make_from_labels(person, folder, pictures, meanings))

    def _fetch(self, person: Person, repository: str, revision: str) -> Update:
        return self._begun(lambda: self.desk.make_from_hub(person, repository, revision))

    def _begun(self, act: Callable[[], None]) -> Update:
        try:
            act()
        except RanginError as error:
            return {self.making: view_new.said(str(error), "wrong")}
        return {
            self.making: view_new.making(self.desk.making()),
            self.clock: gr.Timer(active=True),
            self.stop: gr.update(visible=True),
        }

    def _stop(self, person: Person) -> Update:
        self.desk.stop_making(person)
        return {self.making: view_new.making(self.desk.making())}

    def _tick(self, person: Person, *values: Any) -> Update:
        now = self.desk.making()
        shown: Update = {self.making: view_new.making(now)}
        if now is not None and now.is_working:
            return shown
        shown |= {self.clock: gr.Timer(active=False), self.stop: gr.update(visible=False)}
        if now is None or now.phase != "done":
            return shown
        chosen = self._form(values).model_copy(update={"dataset": now.dataset})
        offered = self.desk.options(chosen.engine)
        shown |= self._shown(self.desk.preview(person, chosen))
        self._more(shown, self._offered(offered, chosen))
        return {**shown, self.facts: self._facts(chosen)}

    # What is shown.

    def _form(self, values: Any) -> Form:
        return desk_new.filled(dict(zip(desk_new.FIELDS, values, strict=True)))

    def _facts(self, chosen: Form) -> str:
        try:
            return self.desk.facts(chosen.dataset, chosen.recipe)
        except RanginError as error:
            return view_new.said(str(error), "wrong")

    def _shown(self, preview: Preview) -> Update:
        """A preview: what stands below each field, the card, the command."""
        shown: Update = {
            widget: gr.update(
                info=preview.notes.get(name, ""),
                elem_classes=["field", "is-wrong"] if name in preview.wrong else ["field"],
            )
            for name, widget in self.fields.items()
        }
        return {
            **shown,
            self.card: preview.card,
            self.command: preview.command,
            self.start: gr.update(variant="primary" if preview.can_start else "secondary"),
        }

    def _more(self, shown: Update, changes: dict[str, dict[str, Any]]) -> None:
        """Change more of fields, some of which `_shown` has changed already."""
        for name, values in changes.items():
            field = self.fields[name]
            shown[field] = {**shown.get(field, gr.update()), **values}

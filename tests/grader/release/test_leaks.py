"""A solution that stands elsewhere is found: in a text, an output, an attachment or a file of the kit."""

import pytest

from grader.errors import FaultySolution
from grader.release.bundle import collected
from grader.release.labs import release_lab
from grader.release.leaks import leaks_in_text, secrets_of
from grader.release.notebook import read
from tests.grader.release.notebooks import (
    EXERCISE,
    LAB,
    STUBBED,
    code,
    course,
    notebook,
    rewrite,
    solution,
    text,
)

BODY = "secret_recipe = agent.invoke(text)\nreturn secret_recipe.content"
SAYS = "holds the solution of cell ex-1-2 in solutions/01_persistence.ipynb. Take it out, or tag ex-1-2"


def refused(here):
    with pytest.raises(FaultySolution) as caught:
        here.fresh(LAB)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    "copy",
    [
        pytest.param(
            f"<details><summary>Solution</summary>\n\n```python\n{BODY}\n```\n</details>", id="folded"
        ),
        pytest.param("\n".join(f"> {line}" for line in BODY.split("\n")), id="quoted"),
        pytest.param(BODY.replace(" = ", "=").replace("\n", "\n\n\t\t"), id="spaced in another way"),
    ],
)
def test_a_solution_in_a_text_is_refused(tmp_path, copy):
    (told,) = refused(course(tmp_path, _01_persistence=solution(text("look-back", copy))))
    assert told.startswith(f"solutions/01_persistence.ipynb, cell look-back: its text {SAYS}")
    assert told.endswith("'solution-shown' if students are meant to read it.")


def test_a_solution_that_stands_outside_of_its_region_as_well_is_refused(tmp_path):
    commented = "\n".join(f"    # {line}" for line in BODY.split("\n"))
    (told,) = refused(course(tmp_path, _01_persistence=solution(exercise=f"{EXERCISE}\n{commented}")))
    assert f"cell ex-1-2: its text {SAYS}" in told


def test_a_solution_in_an_attachment_is_refused(tmp_path):
    cell = text("picture", "see", attachments={"recipe.svg": {"image/svg+xml": [f"<text>{BODY}", "</text>"]}})
    (told,) = refused(course(tmp_path, _01_persistence=solution(cell)))
    assert f"cell picture: its attachment {SAYS}" in told


def test_a_text_for_authors_that_stands_in_the_lab_is_refused(tmp_path):
    notes = "Tell them only afterwards that the second answer is the right one."
    cells = text("notes", notes, "solution-only"), text("look-back", f"Look back. {notes}")
    (told,) = refused(course(tmp_path, _01_persistence=solution(*cells)))
    assert "cell look-back: its text holds the solution of cell notes" in told


def test_a_solution_that_is_shown_on_purpose_is_released(tmp_path):
    cells = code("ex-1-2", EXERCISE, "exercise:1.2", "solution-shown"), text("look-back", BODY)
    assert course(tmp_path, _01_persistence=notebook(*cells)).fresh(LAB).cells[1].source == BODY


def test_a_short_solution_may_stand_anywhere(tmp_path):
    short = "def ask(state):\n    ### BEGIN SOLUTION\n    return state[-1].text\n    ### END SOLUTION"
    here = course(tmp_path, _01_persistence=solution(text("hint", "`return state[-1].text`"), exercise=short))
    assert here.fresh(LAB)
    assert not list(secrets_of(here.solution(LAB), "x"))


def test_the_untouched_solution_keeps_its_secret(tmp_path):
    here = course(tmp_path)
    (secret,) = secrets_of(here.solution(LAB), "x")
    assert secret.text == "secret_recipe=agent.invoke(text)returnsecret_recipe.content"
    assert not list(leaks_in_text(STUBBED, [secret], "y"))


def test_an_output_of_the_working_copy_is_not_carried_into_the_release(tmp_path):
    """An author has run the solution in labs/ and printed its source; then the solution changes elsewhere."""
    here = course(tmp_path)
    release_lab(here, LAB)
    printed = {"name": "stdout", "output_type": "stream", "text": [f"{line}\n" for line in BODY.split("\n")]}

    def print_it(content):
        content["cells"][1]["outputs"] = [printed]

    rewrite(here.lab_path(LAB), print_it)
    course(tmp_path, _01_persistence=solution(text("more", "More.")))
    before = here.lab_path(LAB).read_bytes()
    with pytest.raises(FaultySolution, match=f"labs/{LAB}.ipynb, cell run: its output {SAYS}"):
        release_lab(here, LAB)
    assert here.lab_path(LAB).read_bytes() == before
    assert read(here.lab_path(LAB), "x").cells[1].outputs == (printed,)


def test_no_file_of_this_repositorys_bundle_holds_a_solution(real_course):
    """The check itself finds what it looks for: each real solution, put into a file, would be told."""
    files = collected(real_course)
    secrets = [secret for lab in real_course.labs() for secret in real_course.secrets(lab)]
    exercises = [cell for lab in real_course.labs() for cell in real_course.solution(lab).cells if cell.tags]
    assert len(secrets) >= sum(any(tag.startswith("exercise:") for tag in cell.tags) for cell in exercises)
    assert files
    for secret in secrets:
        assert list(leaks_in_text(f"before {secret.text} after", secrets, "utils/x.py"))

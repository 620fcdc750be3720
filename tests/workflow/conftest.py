from __future__ import annotations

from pathlib import Path

import pytest

from tests.workflow.clone import make_clone
from tests.workflow.project import Project


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A campaign that has run to its end. Do not change it; take `done`."""
    project = Project.make(tmp_path_factory.mktemp("finished") / "a project")
    project.run()
    return project


@pytest.fixture
def done(finished: Project, tmp_path: Path) -> Project:
    """A copy of the finished campaign, in a folder with a blank in its name."""
    return finished.copy(tmp_path / "a project")


@pytest.fixture
def fresh(tmp_path: Path) -> Project:
    """A campaign of which nothing has run."""
    return Project.make(tmp_path / "a project")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with the real commands, of which nothing has run, in a folder with a blank in its name."""
    return make_clone(tmp_path / "my campaign")

"""The real kernel answers as the fake one does; tests/unit/test_contract.py asks the fake one."""

import json
from pathlib import Path

from tests import contract
from tests.lab.host import Host


def test_igb_answers_as_the_fake_kernel_does(host: Host) -> None:
    script = Path(contract.__file__).read_text("utf-8")
    answers = host.run("python3 - ens2", stdin=script, check=True).stdout
    assert json.loads(answers) == contract.EXPECTED

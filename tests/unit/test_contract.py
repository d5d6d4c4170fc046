"""The fake kernel answers as the real one does; tests/lab/test_contract.py asks the real one."""

from tests.contract import EXPECTED, answers
from tests.fake_kernel import FakeHost
from tests.fake_port import FakePort


def test_the_fake_kernel_answers_as_igb_does() -> None:
    host = FakeHost(ports=[FakePort(driver="igb", up=False)], sysctls={"net.core.netdev_budget": "300"})
    assert dict(answers(host.kernel(), host.port.device())) == EXPECTED

"""The hotline's district, built once for this room: it is the hotline that hands requests to be looked into."""

from yiwang.city.hotline.tests.conftest import district as district
from yiwang.city.hotline.tests.conftest import room as room
from yiwang.city.hotline.tests.conftest import world as world

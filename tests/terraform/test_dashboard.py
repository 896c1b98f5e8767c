"""The dashboard, as Cloud Monitoring's own types read it; to Terraform it is a string."""

from __future__ import annotations

import json
from itertools import combinations

import pytest
from google.cloud import monitoring_dashboard_v1

from tests.terraform.conftest import Applied


@pytest.mark.parametrize("name", ["staging", "production"])
def test_the_dashboard_is_one_to_cloud_monitoring(deployments: dict[str, Applied], name: str) -> None:
    text = deployments[name].second.before.one("google_monitoring_dashboard", "reelay")["dashboard_json"]
    parsed = monitoring_dashboard_v1.Dashboard.from_json(text, ignore_unknown_fields=False)
    assert parsed.display_name.startswith("Reelay ")
    assert len(parsed.mosaic_layout.tiles) == len(json.loads(text)["mosaicLayout"]["tiles"]) > 0
    for tile in parsed.mosaic_layout.tiles:
        (line,) = tile.widget.xy_chart.data_sets
        query = line.time_series_query
        assert query.time_series_filter.filter or query.prometheus_query, tile.widget.title


def test_no_tile_covers_another(staging: Applied) -> None:
    text = staging.second.before.one("google_monitoring_dashboard", "reelay")["dashboard_json"]
    layout = monitoring_dashboard_v1.Dashboard.from_json(text, ignore_unknown_fields=False).mosaic_layout
    cells = [
        {
            (x, y)
            for x in range(tile.x_pos, tile.x_pos + tile.width)
            for y in range(tile.y_pos, tile.y_pos + tile.height)
        }
        for tile in layout.tiles
    ]
    assert all(0 <= x < layout.columns for tile in cells for x, _ in tile)
    assert not [pair for pair in combinations(cells, 2) if pair[0] & pair[1]]

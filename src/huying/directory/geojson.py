"""The grids over HTTP, for pages and programs alike: GeoJSON that is sent again only if changed."""

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified

from huying.directory.queries import grids_geojson, places_edition


def geojson_answer(
    request: HttpRequest, bbox: tuple[float, float, float, float] | None, tolerance: float
) -> HttpResponse:
    """GeoJSON with an ETag of the edition: a map asks again and is told nothing changed."""
    etag = f'"grids-{places_edition()}-{tolerance:g}-{bbox or "all"}"'.replace(" ", "")
    headers = {"ETag": etag, "Cache-Control": "public, max-age=300"}
    if request.headers.get("If-None-Match") == etag:
        return HttpResponseNotModified(headers=headers)
    return HttpResponse(
        grids_geojson(bbox=bbox, tolerance=tolerance),
        content_type="application/geo+json",
        headers=headers,
    )

"""The pages' shell and the conventions of the API: what every area's pages and routes stand on."""

from hub.core.area import Area, NavigationEntry

AREA = Area(
    name="web",
    models="hub.web.models",
    pages="hub.web.pages:pages",
    navigation=(NavigationEntry("Overview", "web.overview", "", order=0, icon="home"),),
    erase="hub.web.replies:erase",
)

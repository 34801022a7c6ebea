"""For every rule about where links lead, pages of others that break it and no other."""

ONLINE: dict[str, list[str]] = {
    "link-dead": ["/none", "/gone", "/moved-to-nothing", "/to-a-file", "/to-rubbish"],
    "link-not-public": ["/inside", "/to-a-password"],
    "link-unverified": ["/members", "/busy", "/broken", "/round"],
    "link-leads-elsewhere": ["/elsewhere"],
    "link-moved": ["/moved", "/moved-for-good", "/sister"],
    "link-redirects": ["/detour"],
    "link-anchor-missing": ["/page#tools", "/page#Rows", "/page#to%20ols", "/#rows"],
    "link-anchor-unverified": ["/scripted#tools"],
    "image-not-served": ["/none", "/broken", "/"],
}
SOUND = [
    "/",
    "/no-head",
    "/a%20b?q=ü",
    "/page#rows",
    "/page#old",
    "/page#b%C3%A4ume",
    "/page#bäume",
    "/page#",
    "/page#top",
    "/page#:~:text=sow",
    "/page#/tools",
    "/page#!tools",
    "/scripted#rows",
    "/latin#tools",
    "/long#tools",
    "/packed#tools",
    "/broken-off#tools",
    "/a.png#tools",
]

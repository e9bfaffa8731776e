//! [`Http`]: the transport over reqwest, with a bound on everything a server controls. Statements for PostgreSQL go
//! through it too, where that is built in.
//!
//! HTTPS only, except towards this machine; redirects stay on the host; octets are counted after decompression. Errors
//! carry neither URL nor key.

use std::error::Error as _;
use std::fmt;
use std::net::IpAddr;
use std::sync::Once;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Url, redirect};

use super::request::{PageRequest, Reply, Service, Transport, TransportError};

/// Redirects followed in one request.
const MAX_REDIRECTS: usize = 3;

/// How we introduce ourselves.
pub const USER_AGENT: &str = concat!("ctclimb/", env!("CARGO_PKG_VERSION"), " (", env!("CARGO_PKG_REPOSITORY"), ")");

/// A key of a service. It never shows in debug output, errors or case files.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// Takes a key, without the white space that files and shells leave around it; `None` when nothing is left.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(hidden)")
    }
}

/// Where the services are, and how much of their time and octets we take.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// Base URL of crt.sh.
    pub crtsh: String,
    /// Base URL of Cert Spotter.
    pub certspotter: String,
    /// Host and port of crt.sh's database.
    pub crtsh_pg: String,
    /// Key for Cert Spotter.
    pub certspotter_key: Option<ApiKey>,
    /// Longest time for a connection.
    pub connect: Duration,
    /// Longest silence of a server.
    pub silence: Duration,
    /// Longest time for one request, redirects and body included.
    pub request: Duration,
    /// Most octets of a body, after decompression.
    pub octets: u64,
}

impl Default for HttpSettings {
    /// The public services. crt.sh may be silent for 30 s before it answers or gives up, so 45 s of silence are allowed.
    fn default() -> Self {
        Self {
            crtsh: "https://crt.sh".into(),
            certspotter: "https://api.certspotter.com".into(),
            crtsh_pg: "crt.sh:5432".into(),
            certspotter_key: None,
            connect: Duration::from_secs(10),
            silence: Duration::from_secs(45),
            request: Duration::from_secs(120),
            octets: 128 << 20,
        }
    }
}

/// A base URL that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BaseUrlError {
    /// Not an absolute URL with a host.
    #[error("the address of {service} is no URL: {why}")]
    Unreadable {
        /// Whose address.
        service: &'static str,
        /// What is wrong, without the URL itself, which may hold a password.
        why: String,
    },
    /// Plain text to another machine.
    #[error("the address of {service} must start with https:// (http:// is for this machine only)")]
    Insecure {
        /// Whose address.
        service: &'static str,
    },
    /// The TLS set-up of this machine cannot be used.
    #[error("cannot set up HTTPS: {0}")]
    Tls(String),
}

/// The transport over HTTP.
#[derive(Debug, Clone)]
pub struct Http {
    client: reqwest::Client,
    crtsh: Url,
    certspotter: Url,
    bearer: Option<HeaderValue>,
    settings: HttpSettings,
}

impl Http {
    /// Checks the addresses and sets up TLS; connects to nothing.
    ///
    /// # Errors
    /// [`BaseUrlError`]; also when the key holds characters that no header may hold.
    pub fn new(settings: HttpSettings) -> Result<Self, BaseUrlError> {
        install_tls();
        let crtsh = base_url(Service::Crtsh, &settings.crtsh)?;
        let certspotter = base_url(Service::Certspotter, &settings.certspotter)?;
        let bearer = settings.certspotter_key.as_ref().map(|key| {
            let mut value =
                HeaderValue::from_str(&format!("Bearer {}", key.0)).map_err(|_| BaseUrlError::Unreadable {
                    service: Service::Certspotter.title(),
                    why: "its key has characters that no key has".into(),
                })?;
            value.set_sensitive(true);
            Ok(value)
        });
        let client = reqwest::Client::builder()
            .user_agent(USER_AGENT.trim_end_matches(" ()"))
            .connect_timeout(settings.connect)
            .read_timeout(settings.silence)
            .timeout(settings.request)
            .redirect(redirect::Policy::custom(judge_redirect))
            .referer(false)
            .build()
            .map_err(|error| BaseUrlError::Tls(innermost(&error.without_url())))?;
        Ok(Self { client, crtsh, certspotter, bearer: bearer.transpose()?, settings })
    }

    /// Checks an address alone.
    ///
    /// # Errors
    /// [`BaseUrlError`].
    pub fn check_address(service: Service, text: &str) -> Result<(), BaseUrlError> {
        base_url(service, text).map(drop)
    }

    fn failure(&self, error: reqwest::Error, since: Instant) -> TransportError {
        let error = error.without_url();
        if error.is_redirect() {
            return TransportError::Redirect(innermost(&error));
        }
        if error.is_timeout() {
            let HttpSettings { connect, silence, request, .. } = self.settings;
            let silent = if error.is_connect() { connect } else { silence };
            let after = if since.elapsed() >= request { request } else { silent };
            return TransportError::Timeout { after };
        }
        if error.is_connect() {
            return TransportError::Connect(innermost(&error));
        }
        TransportError::Broken(innermost(&error))
    }

    /// The whole address of a request, for people.
    #[must_use]
    pub fn url(&self, request: &PageRequest) -> Option<String> {
        let base = match request.service {
            Service::Crtsh => &self.crtsh,
            Service::Certspotter => &self.certspotter,
            Service::CrtshPg => return None,
        };
        Some(format!("{}{}", base.as_str().trim_end_matches('/'), request.target))
    }

    #[cfg(feature = "crtsh-pg")]
    async fn send_statement(&self, request: &PageRequest) -> Result<Reply, TransportError> {
        super::pg_send::send(&self.settings, &request.target).await
    }

    #[cfg(not(feature = "crtsh-pg"))]
    async fn send_statement(&self, request: &PageRequest) -> Result<Reply, TransportError> {
        let why = format!("{} is not in this build", request.service.title());
        std::future::ready(Err(TransportError::Unsupported(why))).await
    }

    async fn body(&self, mut response: reqwest::Response, since: Instant) -> Result<Vec<u8>, TransportError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failure(error, since))? {
            if (body.len() + chunk.len()) as u64 > self.settings.octets {
                return Err(TransportError::TooLarge { limit: self.settings.octets });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

impl Transport for Http {
    async fn send(&self, request: &PageRequest) -> Result<Reply, TransportError> {
        let Some(url) = self.url(request) else { return self.send_statement(request).await };
        let (asked_at, since) = (Timestamp::now(), Instant::now());
        let mut builder = self.client.get(url).header(ACCEPT, "application/json");
        if let (Service::Certspotter, Some(bearer)) = (request.service, &self.bearer) {
            builder = builder.header(AUTHORIZATION, bearer.clone());
        }
        let response = builder.send().await.map_err(|error| self.failure(error, since))?;
        let text =
            |name| response.headers().get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let (status, content_type, retry_after) = (response.status().as_u16(), text(CONTENT_TYPE), text(RETRY_AFTER));
        Ok(Reply { status, content_type, retry_after, body: self.body(response, since).await?, asked_at })
    }
}

/// The TLS provider is one for the whole process; whoever comes first installs it.
pub fn install_tls() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // An error means that somebody else installed a provider before us, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

fn base_url(service: Service, text: &str) -> Result<Url, BaseUrlError> {
    let service = service.title();
    let unreadable = |why: String| BaseUrlError::Unreadable { service, why };
    if !text.contains("://") {
        return Err(unreadable("it does not begin with `https://`".into()));
    }
    let mut url = Url::parse(text.trim()).map_err(|error| unreadable(error.to_string()))?;
    if url.host_str().is_none_or(str::is_empty) {
        return Err(unreadable("it has no host".into()));
    }
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        return Err(unreadable("it may have no user, password, query or fragment".into()));
    }
    // Both the service and its one resource are fair answers to "the URL of Cert Spotter".
    if let Some(path) = url.path().trim_end_matches('/').strip_suffix("/v1/issuances").map(str::to_owned) {
        url.set_path(&path);
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_this_machine(&url) => Ok(url),
        _ => Err(BaseUrlError::Insecure { service }),
    }
}

fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn judge_redirect(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let Some(first) = attempt.previous().first() else { return attempt.stop() };
    let origin = |url: &Url| (url.scheme().to_owned(), url.host_str().map(str::to_owned), url.port_or_known_default());
    if attempt.previous().len() > MAX_REDIRECTS {
        attempt.error("redirected more than 3 times")
    } else if origin(first).1 != origin(attempt.url()).1 {
        attempt.error("a redirect to another host was refused")
    } else if origin(first) != origin(attempt.url()) {
        attempt.error("a redirect to another port or scheme was refused")
    } else {
        attempt.follow()
    }
}

/// The innermost cause of an error, which says what happened; those around it say that something did.
fn innermost(error: &reqwest::Error) -> String {
    let (mut text, mut cause) = (error.to_string(), error.source());
    while let Some(error) = cause {
        text = error.to_string();
        cause = error.source();
    }
    text.escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(crtsh: &str) -> Option<BaseUrlError> {
        Http::new(HttpSettings { crtsh: crtsh.into(), ..HttpSettings::default() }).err()
    }

    #[test]
    fn plain_text_is_for_this_machine_only() {
        for good in ["https://mirror.example/", "http://127.0.0.1:8080", "http://[::1]:1/x", "http://localhost:80"] {
            assert_eq!(refusal(good), None, "{good}");
        }
        for bad in
            ["http://crt.sh", "http://127.0.0.1.evil.example", "http://localhost.evil.example", "ftp://127.0.0.1"]
        {
            assert_eq!(refusal(bad), Some(BaseUrlError::Insecure { service: "crt.sh" }), "{bad}");
        }
        for bad in ["", "crt.sh", "https://", "https://user:secret@crt.sh/", "https://crt.sh/?x=1"] {
            let error = refusal(bad).unwrap();
            assert!(matches!(error, BaseUrlError::Unreadable { .. }), "{bad}");
            assert!(!error.to_string().contains("secret"));
        }
    }

    #[test]
    fn the_resource_of_cert_spotter_is_an_address_of_it() {
        let url = base_url(Service::Certspotter, "http://127.0.0.1:1/x/v1/issuances/").unwrap();
        assert_eq!(url.as_str(), "http://127.0.0.1:1/x");
    }

    #[test]
    fn a_key_does_not_show() {
        let key = ApiKey::new(" k_secret\n").unwrap();
        let settings = HttpSettings { certspotter_key: Some(key), ..HttpSettings::default() };
        let shown = format!("{:?}", Http::new(settings).unwrap());
        assert!(!shown.contains("k_secret"), "{shown}");
        assert_eq!(ApiKey::new(" \n"), None);
    }
}

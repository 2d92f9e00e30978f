use std::fmt;
use std::path::PathBuf;

use url::Url;

use crate::host::is_here;

/// Where files are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// In a folder: `folder:data/media`.
    Folder(PathBuf),
    /// In a bucket: `s3://media`.
    S3(Bucket),
}

/// A bucket of a storage that speaks S3.
#[derive(Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// The address of the storage; none for Amazon's own.
    pub endpoint: Option<String>,
    /// Where it is, as requests are signed for it.
    pub region: String,
    /// Who asks.
    pub access_key_id: String,
    /// With what they sign.
    pub secret_access_key: String,
}

/// The secret is nobody's who only debugs.
impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket").field("name", &self.name).field("endpoint", &self.endpoint).field("region", &self.region).finish_non_exhaustive()
    }
}

impl Location {
    /// Reads a location as it is written in the settings; what a bucket needs beside its name is there already.
    ///
    /// # Errors
    /// What is wrong with it, in words that hold no secret.
    pub fn parse(written: &str, bucket: Bucket) -> Result<Self, &'static str> {
        if let Some(folder) = written.strip_prefix("folder:") {
            return if folder.is_empty() {
                Err("media_url: folder: needs a path after it, as in folder:data/media")
            } else {
                Ok(Self::Folder(folder.into()))
            };
        }
        let name = written.strip_prefix("s3://").map(|name| name.trim_end_matches('/')).ok_or("media_url must be folder:PATH or s3://BUCKET")?;
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
        if !(3..=63).contains(&name.len()) || !name.bytes().all(plain) {
            return Err("media_url must name a bucket behind s3://: 3 to 63 small letters, digits, hyphens and dots");
        }
        if bucket.access_key_id.is_empty() || bucket.secret_access_key.is_empty() {
            return Err("media_s3_access_key_id and media_s3_secret_access_key must be those of somebody who may use the bucket");
        }
        if bucket.region.is_empty() {
            return Err("media_s3_region must be the region of the bucket");
        }
        if let Some(endpoint) = &bucket.endpoint {
            let wrong = "media_s3_endpoint must be the address of the storage, such as https://s3.example.es";
            let url = Url::parse(endpoint).map_err(|_| wrong)?;
            match (url.scheme(), url.host_str()) {
                ("https", Some(_)) => {}
                ("http", Some(host)) if is_here(host) => {}
                ("http", Some(_)) => return Err("media_s3_endpoint must begin with https://: without TLS only this machine is spoken to"),
                _ => return Err(wrong),
            }
        }
        Ok(Self::S3(Bucket { name: name.to_owned(), ..bucket }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(endpoint: &str) -> Bucket {
        Bucket {
            name: String::new(),
            endpoint: (!endpoint.is_empty()).then(|| endpoint.to_owned()),
            region: "eu-south-2".to_owned(),
            access_key_id: "AKIA".to_owned(),
            secret_access_key: "geheim".to_owned(),
        }
    }

    #[test]
    fn a_location_is_read() {
        assert_eq!(Location::parse("folder:data/media", bucket("")), Ok(Location::Folder("data/media".into())));
        for endpoint in ["", "https://s3.example.es", "http://localhost:9000", "http://127.0.0.1:9000"] {
            let Ok(Location::S3(read)) = Location::parse("s3://media.academia", bucket(endpoint)) else { panic!("{endpoint}") };
            assert_eq!(read, Bucket { name: "media.academia".to_owned(), ..bucket(endpoint) });
            assert!(!format!("{read:?}").contains("geheim"));
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_the_name_of_its_setting() {
        let nobody = Bucket { secret_access_key: String::new(), ..bucket("") };
        let nowhere = Bucket { region: String::new(), ..bucket("") };
        for (setting, written, bucket) in [
            ("media_url", "", bucket("")),
            ("media_url", "data/media", bucket("")),
            ("media_url", "folder:", bucket("")),
            ("media_url", "s3://", bucket("")),
            ("media_url", "s3://Media", bucket("")),
            ("media_url", "s3://media/archive", bucket("")),
            ("media_s3_access_key_id", "s3://media", nobody),
            ("media_s3_region", "s3://media", nowhere),
            ("media_s3_endpoint", "s3://media", bucket("s3.example.es")),
            ("media_s3_endpoint", "s3://media", bucket("http://s3.example.es")),
            ("media_s3_endpoint", "s3://media", bucket("ftp://s3.example.es")),
        ] {
            let refused = Location::parse(written, bucket).unwrap_err();
            assert!(refused.starts_with(setting) && !refused.contains("geheim"), "{written}: {refused}");
        }
    }
}

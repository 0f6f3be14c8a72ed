//! What to do about a failure, in one sentence, where experience knows.

use super::cause::Unreachable;
use super::error::Cause;

/// The advice for a cause; none where the cause says it all.
pub(super) fn hint(cause: &Cause) -> Option<String> {
    let advice = match cause {
        Cause::Unreachable(why, _) => return unreachable(*why).map(str::to_owned),
        Cause::Status { status, causes, .. } => {
            let kind = causes.first().and_then(|cause| cause.error_type.as_deref()).unwrap_or_default();
            return status_advice(*status, kind).map(str::to_owned);
        }
        Cause::NotJson { broke_off: true, .. } => "a proxy may have cut the answer short",
        Cause::NotJson { .. } => {
            "something other than Elasticsearch answered; check the address and any proxy"
        }
        Cause::PointInTimeLost(_) => "open a new point in time and read the window again",
        Cause::TooLarge(_) => "no answer of Elasticsearch is that large; check the address and any proxy",
        Cause::Redirected(_) => "give the address that answers itself",
        Cause::Settings(_) | Cause::Unexpected(_) | Cause::Shards(_) | Cause::Unsupported(_) => return None,
    };
    Some(advice.to_owned())
}

fn unreachable(why: Unreachable) -> Option<&'static str> {
    match why {
        Unreachable::ProxyGone => Some("check the proxy's address, and that it runs"),
        Unreachable::ProxyLogin => {
            Some("give user name and password in the proxy's address, `http://user:password@proxy:3128`")
        }
        Unreachable::ProxyRefuses => {
            Some("it may forbid the address, or reach nobody there itself; its log tells")
        }
        Unreachable::Refused => Some("check that Elasticsearch runs there, and the port"),
        Unreachable::Dns => Some("check the host name"),
        Unreachable::UnknownIssuer => Some(
            "give the authority that signed the cluster's certificate (`ELASTICSEARCH_CA_CERT`), or its fingerprint \
                 (`ELASTICSEARCH_CA_FINGERPRINT`)",
        ),
        Unreachable::OtherHost => Some("give the address by a name that the certificate is for"),
        Unreachable::Expired => Some("look at the certificate's dates, and at this machine's clock"),
        Unreachable::AuthorityAsServer => {
            Some("give the server a certificate of its own, signed by that authority")
        }
        Unreachable::PinAbsent => Some(
            "this is another server, or its authority was renewed, or it does not show it (then give the authority's file \
             besides, `ELASTICSEARCH_CA_CERT`)",
        ),
        Unreachable::PinIsLeaf => {
            Some("give the fingerprint of the authority that signed the server's certificate")
        }
        Unreachable::PinUnsigned => Some(
            "this is another server, or the fingerprint is that of a certificate that is only shown beside its own",
        ),
        Unreachable::NoClientCertificate => {
            Some("give one and its key (`ELASTICSEARCH_CLIENT_CERT`, `ELASTICSEARCH_CLIENT_KEY`)")
        }
        Unreachable::ClientCertificate => {
            Some("it has to be valid now, and signed by an authority that the server trusts")
        }
        Unreachable::Tls => Some("check the cluster's certificate, and whether the port speaks https at all"),
        Unreachable::TimedOut => Some("check the network and the load of the cluster, or allow more time"),
        Unreachable::BrokenOff => {
            Some("the node may have stopped, or the port may expect https where http was asked")
        }
        Unreachable::Request | Unreachable::Other => None,
    }
}

fn status_advice(status: u16, kind: &str) -> Option<&'static str> {
    match (status, kind) {
        (_, "search_context_missing_exception") => Some("open a new point in time and read the window again"),
        (_, "cluster_block_exception") => Some(
            "the cluster or index is blocked for writing, often because a disk is full; free space, then lift the block",
        ),
        (_, "invalid_alias_name_exception") => Some(
            "an index has the name that the alias needs; delete or rename it, or choose another alerts index",
        ),
        (_, "index_closed_exception") => Some("open the index again, or leave it out"),
        (_, "circuit_breaking_exception") => {
            Some("the node is short of memory; it is asked for less at a time")
        }
        (401, _) => Some("check the API key, user or token: it is missing, wrong or expired"),
        (403, _) => Some("the credentials lack the privilege named above; grant it to their role or API key"),
        (404, "index_not_found_exception") => Some("check the index name; nothing has created it yet"),
        (404, "") => Some("check the path of the address; what answers there may not be Elasticsearch"),
        (405, _) => Some("what answers there may not be Elasticsearch, or a proxy may forbid the request"),
        (407, _) => {
            Some("give user name and password in the proxy's address, `http://user:password@proxy:3128`")
        }
        (413, _) => Some("raise the size limit of the proxy, or `http.max_content_length` of the cluster"),
        (429, _) => Some("the cluster is overloaded; it is asked again later"),
        (502..=504, "") => Some("a proxy answers, but no Elasticsearch behind it; check that its nodes run"),
        (502..=504, _) => Some("shards or nodes are missing; see `GET _cluster/allocation/explain`"),
        _ => None,
    }
}

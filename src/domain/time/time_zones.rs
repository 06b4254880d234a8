//! The time zones that are offered for choice: one for each clock that many people use, named by
//! its cities in both languages. Any other zone of the IANA database is kept if a contact has it.

use crate::domain::base::language::Language;

/// Areas, each with its zones: IANA name, cities in English, cities in Chinese. Roughly from east
/// to west within an area.
type Area = (&'static str, &'static str, &'static [(&'static str, &'static str, &'static str)]);

const AREAS: [Area; 5] = [
    (
        "Asia",
        "亚洲",
        &[
            ("Asia/Shanghai", "Beijing, Shanghai, Shenzhen", "北京、上海、深圳"),
            ("Asia/Urumqi", "Urumqi", "乌鲁木齐"),
            ("Asia/Hong_Kong", "Hong Kong", "香港"),
            ("Asia/Macau", "Macao", "澳门"),
            ("Asia/Taipei", "Taipei", "台北"),
            ("Asia/Tokyo", "Tokyo, Osaka", "东京、大阪"),
            ("Asia/Seoul", "Seoul", "首尔"),
            ("Asia/Vladivostok", "Vladivostok", "符拉迪沃斯托克"),
            ("Asia/Singapore", "Singapore", "新加坡"),
            ("Asia/Kuala_Lumpur", "Kuala Lumpur", "吉隆坡"),
            ("Asia/Manila", "Manila", "马尼拉"),
            ("Asia/Ulaanbaatar", "Ulaanbaatar", "乌兰巴托"),
            ("Asia/Bangkok", "Bangkok", "曼谷"),
            ("Asia/Ho_Chi_Minh", "Ho Chi Minh City, Hanoi", "胡志明市、河内"),
            ("Asia/Jakarta", "Jakarta", "雅加达"),
            ("Asia/Yangon", "Yangon", "仰光"),
            ("Asia/Dhaka", "Dhaka", "达卡"),
            ("Asia/Kathmandu", "Kathmandu", "加德满都"),
            ("Asia/Kolkata", "Delhi, Mumbai, Bengaluru", "新德里、孟买、班加罗尔"),
            ("Asia/Colombo", "Colombo", "科伦坡"),
            ("Asia/Karachi", "Karachi", "卡拉奇"),
            ("Asia/Almaty", "Almaty", "阿拉木图"),
            ("Asia/Tashkent", "Tashkent", "塔什干"),
            ("Asia/Yekaterinburg", "Yekaterinburg", "叶卡捷琳堡"),
            ("Asia/Kabul", "Kabul", "喀布尔"),
            ("Asia/Dubai", "Dubai, Abu Dhabi", "迪拜、阿布扎比"),
            ("Asia/Tehran", "Tehran", "德黑兰"),
            ("Asia/Riyadh", "Riyadh", "利雅得"),
            ("Asia/Baghdad", "Baghdad", "巴格达"),
            ("Asia/Jerusalem", "Jerusalem, Tel Aviv", "耶路撒冷、特拉维夫"),
            ("Asia/Beirut", "Beirut", "贝鲁特"),
        ],
    ),
    (
        "Europe",
        "欧洲",
        &[
            ("Europe/Moscow", "Moscow", "莫斯科"),
            ("Europe/Istanbul", "Istanbul", "伊斯坦布尔"),
            ("Europe/Kyiv", "Kyiv", "基辅"),
            ("Europe/Athens", "Athens", "雅典"),
            ("Europe/Bucharest", "Bucharest", "布加勒斯特"),
            ("Europe/Helsinki", "Helsinki", "赫尔辛基"),
            ("Europe/Berlin", "Berlin, Munich", "柏林、慕尼黑"),
            ("Europe/Paris", "Paris", "巴黎"),
            ("Europe/Madrid", "Madrid", "马德里"),
            ("Europe/Rome", "Rome, Milan", "罗马、米兰"),
            ("Europe/Amsterdam", "Amsterdam", "阿姆斯特丹"),
            ("Europe/Brussels", "Brussels", "布鲁塞尔"),
            ("Europe/Zurich", "Zurich", "苏黎世"),
            ("Europe/Vienna", "Vienna", "维也纳"),
            ("Europe/Prague", "Prague", "布拉格"),
            ("Europe/Warsaw", "Warsaw", "华沙"),
            ("Europe/Budapest", "Budapest", "布达佩斯"),
            ("Europe/Stockholm", "Stockholm", "斯德哥尔摩"),
            ("Europe/Oslo", "Oslo", "奥斯陆"),
            ("Europe/Copenhagen", "Copenhagen", "哥本哈根"),
            ("Europe/London", "London, Edinburgh", "伦敦、爱丁堡"),
            ("Europe/Dublin", "Dublin", "都柏林"),
            ("Europe/Lisbon", "Lisbon", "里斯本"),
            ("Atlantic/Azores", "Azores", "亚速尔群岛"),
            ("Atlantic/Reykjavik", "Reykjavik", "雷克雅未克"),
        ],
    ),
    (
        "Africa",
        "非洲",
        &[
            ("Africa/Nairobi", "Nairobi, Addis Ababa", "内罗毕、亚的斯亚贝巴"),
            ("Africa/Cairo", "Cairo", "开罗"),
            ("Africa/Johannesburg", "Johannesburg, Cape Town", "约翰内斯堡、开普敦"),
            ("Africa/Lagos", "Lagos, Kinshasa", "拉各斯、金沙萨"),
            ("Africa/Casablanca", "Casablanca", "卡萨布兰卡"),
            ("Africa/Accra", "Accra, Dakar", "阿克拉、达喀尔"),
        ],
    ),
    (
        "Americas",
        "美洲",
        &[
            ("America/St_Johns", "St. John’s", "圣约翰斯"),
            ("America/Halifax", "Halifax", "哈利法克斯"),
            ("America/Sao_Paulo", "São Paulo, Rio de Janeiro", "圣保罗、里约热内卢"),
            ("America/Argentina/Buenos_Aires", "Buenos Aires", "布宜诺斯艾利斯"),
            ("America/Santiago", "Santiago", "圣地亚哥"),
            ("America/Caracas", "Caracas", "加拉加斯"),
            ("America/Puerto_Rico", "San Juan", "圣胡安"),
            ("America/New_York", "New York, Miami, Atlanta", "纽约、迈阿密、亚特兰大"),
            ("America/Toronto", "Toronto, Montreal", "多伦多、蒙特利尔"),
            ("America/Bogota", "Bogotá", "波哥大"),
            ("America/Lima", "Lima", "利马"),
            ("America/Panama", "Panama City", "巴拿马城"),
            ("America/Chicago", "Chicago, Dallas, Houston", "芝加哥、达拉斯、休斯敦"),
            ("America/Winnipeg", "Winnipeg", "温尼伯"),
            ("America/Mexico_City", "Mexico City", "墨西哥城"),
            ("America/Costa_Rica", "San José (Costa Rica)", "圣何塞（哥斯达黎加）"),
            ("America/Regina", "Regina", "里贾纳"),
            ("America/Denver", "Denver, Salt Lake City", "丹佛、盐湖城"),
            ("America/Edmonton", "Calgary, Edmonton", "卡尔加里、埃德蒙顿"),
            ("America/Phoenix", "Phoenix", "菲尼克斯"),
            (
                "America/Los_Angeles",
                "Los Angeles, San Francisco, Seattle",
                "洛杉矶、旧金山、西雅图",
            ),
            ("America/Vancouver", "Vancouver", "温哥华"),
            ("America/Tijuana", "Tijuana", "蒂华纳"),
            ("America/Anchorage", "Anchorage", "安克雷奇"),
        ],
    ),
    (
        "Australia and the Pacific",
        "大洋洲",
        &[
            ("Pacific/Auckland", "Auckland, Wellington", "奥克兰、惠灵顿"),
            ("Pacific/Fiji", "Fiji", "斐济"),
            ("Pacific/Guam", "Guam", "关岛"),
            ("Australia/Sydney", "Sydney, Melbourne, Canberra", "悉尼、墨尔本、堪培拉"),
            ("Australia/Brisbane", "Brisbane", "布里斯班"),
            ("Australia/Adelaide", "Adelaide", "阿德莱德"),
            ("Australia/Darwin", "Darwin", "达尔文"),
            ("Australia/Perth", "Perth", "珀斯"),
            ("Pacific/Honolulu", "Honolulu", "檀香山"),
        ],
    ),
];

/// Returns the areas in a language, each with its zones: IANA name and cities.
pub fn areas(
    language: Language,
) -> impl Iterator<Item = (&'static str, impl Iterator<Item = (&'static str, &'static str)>)> {
    AREAS.iter().map(move |(english, chinese, zones)| {
        let zones = zones.iter().map(move |(zone, en, zh)| (*zone, language.pick(*en, *zh)));
        (language.pick(*english, *chinese), zones)
    })
}

/// Returns whether a zone is offered, with this exact spelling.
pub fn is_offered(zone: &str) -> bool {
    AREAS.iter().flat_map(|(_, _, zones)| zones.iter()).any(|(known, ..)| *known == zone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_listed_zone_exists_once() {
        let all: Vec<&str> =
            AREAS.iter().flat_map(|(_, _, zones)| zones.iter()).map(|(zone, ..)| *zone).collect();
        for zone in &all {
            let known = jiff::tz::db().get(zone).unwrap();
            assert_eq!(known.iana_name(), Some(*zone));
            assert!(is_offered(zone));
        }
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
        assert!(!is_offered("asia/shanghai") && !is_offered("Etc/UTC"));
    }

    #[test]
    fn city_names_follow_the_language() {
        let shanghai = |language| areas(language).next().unwrap().1.next().unwrap().1;
        assert_eq!(shanghai(Language::English), "Beijing, Shanghai, Shenzhen");
        assert_eq!(shanghai(Language::Chinese), "北京、上海、深圳");
    }
}
